mist_conf = {"apitoken": "tokentokentokentokentoken", "mist_cloud": "api.mist.com",
             "server_uri": "/mist-webhooks", "mist_secret": "a webhook's secret of MESA"}
external_conf = {"enabled": False, "org_id": "2818e386-8dec-2562-9ede-5b8a0fbbdc71"}
disconnect_validation = {"method": "none", "wait_time": 0}
configuration_method = "cso"
cso_method = {
    "login": "user@domain.corp",
    "password": "a password of CSO",
    "tenant": "MY_CORP",
    "host": "contrail-juniper.net",
    "conf_default": {"port_profile_name": "generic-access", "vlan_id": 12},
    "conf_ap": {"port_profile_name": "generic-trunk", "native_vlan_id": 11},
}
