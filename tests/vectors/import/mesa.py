# Settings as the users of MESA have them, which changes ports by way of Mist.
mist_conf={
    "apitoken": "tokentokentokentokentoken",
    "mist_cloud": "api.eu.mist.com",
    "server_uri": "/mesa",
    "mist_secret": "a webhook's secret of MESA",
    "site_id_ignored": [],
    "wait_for_cloud_update": 45,
}
log_level = 6

external_conf = {
    "enabled": True,
    "server_uri": "/external",
    "X-ClientApiKey": None,
    "org_id": "2818e386-8dec-2562-9ede-5b8a0fbbdc71"
}

slack_conf = {
    "enabled" : True,
    "url": "https://hooks.slack.com/services/T024BE7LD/B0EXAMPLE4/portsportsports"
}
msteams_conf = {
    "enabled" : False,
    "url": "https://outlook.office.com/webhook/XXXXXXXXX/IncomingWebhook/XXXXXXXXX"
}

disconnect_validation = {
    "method": "outage",
    "wait_time": 1.5
}

site_outage_aps = {
    "outage_timeout": 40,
    "removed_timeout": 85400,
    "min_percentage": 60
}

configuration_method= "mist"

mist_method={
    "profile_default":None,
    "conf_ap":"ap_profile"
}

ex_metod= {
    "domain_name": "mydomain.corp",
    "ex_username": "root",
    "ex_pwd": "a password of switches",
    "ex_conf_trunk_ap": ["set interfaces <port> native-vlan-id 42"],
    "ex_conf_default": ["delete interfaces <port> native-vlan-id"]
}
