# MESA with the names that its program asks for, changing the switches themselves.
mist_conf = {"apitoken": "tokentokentokentokentoken", "mist_cloud": "api.mist.com",
             "server_uri": "/mist-webhooks", "mist_secret": None, "site_id_ignored": []}
external_conf = {"enabled": False, "server_uri": "/external",
                 "org_id": "xxxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxxxx"}
slack_conf = {"enabled": False, "url": ""}
msteams_conf = {"enabled": False, "url": ""}
disconnect_validation = {"method": "lldp", "wait_time": 30}
site_outage = {"outage_timeout": 30, "removed_timeout": 85400, "min_percentage": 50}
configuration_method = "ex"
ex_method = {
    "domain_name": "mydomain.corp",
    "username": "mist",
    "password": "a password of switches",
    "conf_trunk_ap": [
        "delete protocols dot1x authenticator interface <port>",
        "set interfaces <port> native-vlan-id 42",
        "set vlans everything vlan-id 1",
    ],
    "conf_default": ["set protocols dot1x authenticator interface <port>"],
}
