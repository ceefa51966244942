"""Settings as the users of MWTT have them."""
import os

# Shared by two of the channels below.
QUIET = 'https://hooks.slack.com/services/T024BE7LD/B0EXAMPLE1/quietquietquiet'

mist_conf = {
    "mist_host": "manage.eu.mist.com",
    "mist_secret": "a webhook's secret of MWTT",
    "server_uri": "/mwtt",
    "site_id_ignored": ["978c48e6-6ef6-11e6-8bbf-02e208b2d34f", "not an id"],
    "approved_admins": ["noc@example.net", "Nobody"],
    "colour": "blue",
}

port = 51_361
debug = False
log_level = "INFO"

slack_conf = {
    "enabled": True,
    "default_url": "https://hooks.slack.com/services/T024BE7LD/"
                   "B0EXAMPLE0/defaultdefault",
    "url": {
        "debug": QUIET,
        'info': QUIET,
        "critical": os.environ.get("SLACK_CRITICAL", "https://hooks.slack.com/services/T/B/x"),
        "Night Shift": r"https://hooks.slack.com/services/T024BE7LD/B0EXAMPLE3/nightnightnight",
    },
}

msteams_conf = {
    "enabled": True,
    "default_url": "https://outlook.office.com/webhook/11111111/IncomingWebhook/22222222/33333333",
    "url": {
        "critical": "https://contoso.webhook.office.com/webhookb2/4444/IncomingWebhook/5555/6666",
    },
}

gchat_conf = {
    "enabled": False,
    "default_url": "https://chat.googleapis.com/v1/spaces/AAAA/messages?key=7777&token=8888",
    "url": {},
}

event_channels = {
    "AP_CONNECTED": "info",        # as built in
    "AP_DISCONNECTED": "critical",
    "1026": "Night Shift",
    "SW_PORT_BPDU_BLOCKED": "warnning",
    "A_TYPE_OF_TOMORROW": "debug",
    "AP_RESTARTED": None,
}

updown_channels = {}

audit_channels = {
    "approved_admins": "info",
    "other_admins": "critical",
}

if debug:
    log_level = "DEBUG"
