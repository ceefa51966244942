//! Alarms: infrastructure, security, and what Marvis finds.

use super::{Kind, kinds};

pub(in crate::notify) const KINDS: &[Kind] = kinds! {
    // Devices
    device_down Warning "AP offline" "{device} went offline." raises DEVICE;
    device_reconnected Info "AP reconnected" "{device} reconnected." clears DEVICE;
    device_restarted Info "AP restarted" "{device} restarted.";
    esl_hung Warning "ESL service hangs"
        "The electronic shelf label service of {device} hangs." raises ESL;
    esl_recovered Info "ESL service recovered"
        "The electronic shelf label service of {device} works again." clears ESL;
    gateway_down Warning "Gateway offline" "{device} went offline." raises GATEWAY;
    gateway_reconnected Info "Gateway reconnected" "{device} reconnected." clears GATEWAY;
    gateway_restarted Info "Gateway restarted" "{device} restarted.";
    loop_detected_by_ap Warning "Loop detected by an AP"
        "{device} detected a loop in the wired network.";
    switch_down Warning "Switch offline" "{device} went offline." raises SWITCH;
    switch_reconnected Info "Switch reconnected" "{device} reconnected." clears SWITCH;
    switch_restarted Info "Switch restarted" "{device} restarted.";

    // Services that clients need
    infra_arp_failure Critical "ARP failure"
        "Clients of {device} get no ARP answers[ on VLAN {vlans}][ from {servers}]."
        raises INFRA_ARP "site:vlans";
    infra_arp_success Info "ARP recovered"
        "Clients of {device} get ARP answers again[ on VLAN {vlans}][ from {servers}]."
        clears INFRA_ARP "site:vlans";
    infra_dhcp_failure Critical "DHCP failure"
        "Clients of {device} get no addresses by DHCP[ on VLAN {vlans}][ from {servers}]."
        raises INFRA_DHCP "site:vlans";
    infra_dhcp_success Info "DHCP recovered"
        "Clients of {device} get addresses by DHCP again[ on VLAN {vlans}][ from {servers}]."
        clears INFRA_DHCP "site:vlans";
    infra_dns_failure Critical "DNS failure"
        "Clients of {device} get no DNS answers[ on VLAN {vlans}][ from {servers}]."
        raises INFRA_DNS "site:vlans";
    infra_dns_success Info "DNS recovered"
        "Clients of {device} get DNS answers again[ on VLAN {vlans}][ from {servers}]."
        clears INFRA_DNS "site:vlans";

    // Switches
    sw_alarm_chassis_cpu_board_sensor_failed Warning "Switch CPU board sensor failed"
        "A sensor on the CPU board of {device} failed." raises SW_CPU_SENSOR;
    sw_alarm_chassis_cpu_board_sensor_failed_clear Info "Switch CPU board sensor works"
        "The sensors on the CPU board of {device} work again." clears SW_CPU_SENSOR;
    sw_alarm_chassis_fan Warning "Switch fan alarm"
        "{device} reported a problem with a fan." raises SW_FAN;
    sw_alarm_chassis_fan_clear Info "Switch fan alarm cleared"
        "The fans of {device} work normally again." clears SW_FAN;
    sw_alarm_chassis_hot Warning "Switch too hot"
        "The temperature of {device} is too high." raises SW_HOT;
    sw_alarm_chassis_hot_clear Info "Switch temperature normal"
        "The temperature of {device} is normal again." clears SW_HOT;
    sw_alarm_chassis_humidity Warning "Switch humidity alarm"
        "{device} reported too much humidity." raises SW_HUMIDITY;
    sw_alarm_chassis_humidity_clear Info "Switch humidity normal"
        "The humidity at {device} is normal again." clears SW_HUMIDITY;
    sw_alarm_chassis_mgmt_link_down Warning "Switch management link down"
        "The management link of {device} is down." raises SW_MGMT_LINK;
    sw_alarm_chassis_mgmt_link_down_clear Info "Switch management link up"
        "The management link of {device} is up again." clears SW_MGMT_LINK;
    sw_alarm_chassis_partition Warning "Switch partition nearly full"
        "A storage partition of {device} is nearly full." raises SW_PARTITION;
    sw_alarm_chassis_partition_clear Info "Switch partition usage normal"
        "The storage partitions of {device} have room again." clears SW_PARTITION;
    sw_alarm_chassis_pem Warning "Switch power entry module alarm"
        "{device} reported a problem with a power entry module." raises SW_PEM;
    sw_alarm_chassis_pem_clear Info "Switch power entry module alarm cleared"
        "The power entry modules of {device} work normally again." clears SW_PEM;
    sw_alarm_chassis_poe Warning "Switch PoE alarm"
        "{device} reported a problem with Power over Ethernet." raises SW_POE;
    sw_alarm_chassis_poe_clear Info "Switch PoE alarm cleared"
        "Power over Ethernet of {device} works normally again." clears SW_POE;
    sw_alarm_chassis_psu Warning "Switch power supply alarm"
        "{device} reported a problem with a power supply." raises SW_PSU;
    sw_alarm_chassis_psu_clear Info "Switch power supply alarm cleared"
        "The power supplies of {device} work normally again." clears SW_PSU;
    sw_bad_optics Warning "Switch optics bad"
        "The optics [of port {port} |]of {device} work badly.";
    sw_bgp_neighbor_down Warning "BGP neighbor down"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} went down." raises SW_BGP;
    sw_bgp_neighbor_state_changed Info "BGP neighbor changed"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} changed its state.";
    sw_bgp_neighbor_up Info "BGP neighbor up"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} came up." clears SW_BGP;
    sw_bpdu_error Warning "Switch port blocked by a BPDU"
        "{device} blocked [port {port}|a port] because of a BPDU.";
    sw_critical_port_down Warning "Critical switch port down"
        "[Critical port {port}|A critical port] of {device} went down." raises SW_PORT "port_ids";
    sw_critical_port_up Info "Critical switch port up"
        "[Critical port {port}|A critical port] of {device} came up." clears SW_PORT "port_ids";
    sw_ddos_protocol_violation_clear Info "DDoS protection relaxed"
        "Protocol traffic to {device} is back below its DDoS limit." clears SW_DDOS;
    sw_ddos_protocol_violation_set Critical "DDoS protection limit exceeded"
        "Protocol traffic to {device} exceeds its DDoS limit." raises SW_DDOS;
    sw_dhcp_pool_exhausted Warning "DHCP pool exhausted"
        "A DHCP pool of {device} has no free address.";
    sw_evpn_duplicate_mac Warning "EVPN duplicate MAC address"
        "{device} saw a MAC address in two places of the EVPN fabric.";
    sw_ospf_neighbor_down Warning "OSPF neighbor down"
        "[OSPF neighbor {neighbor}|An OSPF neighbor] of {device} went down." raises SW_OSPF;
    sw_ospf_neighbor_up Info "OSPF neighbor up"
        "[OSPF neighbor {neighbor}|An OSPF neighbor] of {device} came up." clears SW_OSPF;
    sw_rogue_dhcp_server_detected Warning "Rogue DHCP server detected"
        "{device} detected a rogue DHCP server[ on port {port}].";
    switch_lacp_member_down Warning "LAG member down"
        "[Port {port}|A port] of {device} dropped out of its LAG." raises SW_LACP "port_ids";
    switch_lacp_member_up Info "LAG member up"
        "[Port {port}|A port] of {device} joined its LAG." clears SW_LACP "port_ids";

    // Virtual chassis
    sw_vc_port_down Critical "Virtual chassis port down"
        "[Virtual chassis port {port}|A virtual chassis port] of {device} went down."
        raises SW_VC_PORT "port_ids";
    sw_vc_port_up Info "Virtual chassis port up"
        "[Virtual chassis port {port}|A virtual chassis port] of {device} came up."
        clears SW_VC_PORT "port_ids";
    vc_backup_failed Critical "Virtual chassis backup elected"
        "{device} elected another backup member.";
    vc_master_changed Critical "Virtual chassis primary changed"
        "Another member became the primary of {device}.";
    vc_member_added Info "Virtual chassis member added"
        "[Member {member}|A member] joined {device}.";
    vc_member_deleted Critical "Virtual chassis member lost"
        "[Member {member}|A member] left {device}.";
    vc_member_restarted Info "Virtual chassis member restarted"
        "[Member {member}|A member] of {device} restarted.";

    // Gateways
    gw_alarm_chassis_fan Warning "Gateway fan alarm"
        "{device} reported a problem with a fan." raises GW_FAN;
    gw_alarm_chassis_fan_clear Info "Gateway fan alarm cleared"
        "The fans of {device} work normally again." clears GW_FAN;
    gw_alarm_chassis_hot Warning "Gateway too hot"
        "The temperature of {device} is too high." raises GW_HOT;
    gw_alarm_chassis_hot_clear Info "Gateway temperature normal"
        "The temperature of {device} is normal again." clears GW_HOT;
    gw_alarm_chassis_humidity Warning "Gateway humidity alarm"
        "{device} reported too much humidity." raises GW_HUMIDITY;
    gw_alarm_chassis_humidity_clear Info "Gateway humidity normal"
        "The humidity at {device} is normal again." clears GW_HUMIDITY;
    gw_alarm_chassis_mgmt_link_down Warning "Gateway management link down"
        "The management link of {device} is down." raises GW_MGMT_LINK;
    gw_alarm_chassis_mgmt_link_down_clear Info "Gateway management link up"
        "The management link of {device} is up again." clears GW_MGMT_LINK;
    gw_alarm_chassis_partition Warning "Gateway partition nearly full"
        "A storage partition of {device} is nearly full." raises GW_PARTITION;
    gw_alarm_chassis_partition_clear Info "Gateway partition usage normal"
        "The storage partitions of {device} have room again." clears GW_PARTITION;
    gw_alarm_chassis_pem Warning "Gateway power entry module alarm"
        "{device} reported a problem with a power entry module." raises GW_PEM;
    gw_alarm_chassis_pem_clear Info "Gateway power entry module alarm cleared"
        "The power entry modules of {device} work normally again." clears GW_PEM;
    gw_alarm_chassis_poe Warning "Gateway PoE alarm"
        "{device} reported a problem with Power over Ethernet." raises GW_POE;
    gw_alarm_chassis_poe_clear Info "Gateway PoE alarm cleared"
        "Power over Ethernet of {device} works normally again." clears GW_POE;
    gw_alarm_chassis_psu Warning "Gateway power supply alarm"
        "{device} reported a problem with a power supply." raises GW_PSU;
    gw_alarm_chassis_psu_clear Info "Gateway power supply alarm cleared"
        "The power supplies of {device} work normally again." clears GW_PSU;
    gw_alarm_chassis_warm Warning "Gateway warm"
        "The temperature of {device} is higher than it should be." raises GW_WARM;
    gw_alarm_chassis_warm_clear Info "Gateway no longer warm"
        "The temperature of {device} is normal again." clears GW_WARM;
    gw_bgp_neighbor_down Warning "BGP neighbor down"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} went down." raises GW_BGP;
    gw_bgp_neighbor_up Info "BGP neighbor up"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} came up." clears GW_BGP;
    gw_critical_port_down Warning "Critical gateway port down"
        "[Critical port {port}|A critical port] of {device} went down." raises GW_PORT "port_ids";
    gw_critical_port_up Info "Critical gateway port up"
        "[Critical port {port}|A critical port] of {device} came up." clears GW_PORT "port_ids";
    gw_dhcp_pool_exhausted Warning "DHCP pool exhausted"
        "A DHCP pool of {device} has no free address.";
    gw_fib_count_returned_to_normal Info "Forwarding table back to normal"
        "The forwarding table of {device} is back to a normal size." clears GW_FIB;
    gw_fib_count_threshold_exceeded Warning "Forwarding table too large"
        "The forwarding table of {device} has grown beyond its threshold." raises GW_FIB;
    gw_flow_count_returned_to_normal Info "Flow count back to normal"
        "The number of flows through {device} is back to normal." clears GW_FLOWS;
    gw_flow_count_threshold_exceeded Warning "Too many flows"
        "The number of flows through {device} exceeds its threshold." raises GW_FLOWS;
    gw_src_nat_pool_threshold_exceeded Warning "Source NAT pool nearly used up"
        "A source NAT pool of {device} exceeds its threshold.";
    gw_vpn_path_down Warning "VPN path down"
        "[VPN path \"{path}\"|A VPN path] of {device} went down." raises GW_VPN_PATH;
    gw_vpn_path_up Info "VPN path up"
        "[VPN path \"{path}\"|A VPN path] of {device} came up." clears GW_VPN_PATH;
    ha_control_link_down Warning "Cluster control link down"
        "The control link between the nodes of {device} is down." raises HA_CONTROL_LINK;
    ha_control_link_up Info "Cluster control link up"
        "The control link between the nodes of {device} is up." clears HA_CONTROL_LINK;
    tunnel_down Warning "Tunnel down" "A tunnel of {device} went down." raises TUNNEL;
    tunnel_up Info "Tunnel up" "A tunnel of {device} came up." clears TUNNEL;
    vpn_peer_down Warning "VPN peer down"
        "[VPN peer {peer}|A VPN peer] of {device} went down." raises VPN_PEER;
    vpn_peer_up Info "VPN peer up"
        "[VPN peer {peer}|A VPN peer] of {device} came up." clears VPN_PEER;

    // Cellular edges
    cellular_edge_connected_to_ncm Info "Cellular edge connected to NetCloud Manager"
        "{device} is connected to NetCloud Manager." clears CELLULAR_NCM;
    cellular_edge_disconnected_from_ncm Warning "Cellular edge disconnected from NetCloud Manager"
        "{device} lost its connection to NetCloud Manager." raises CELLULAR_NCM;
    cellular_edge_ethernet_wan_connected Info "Cellular edge Ethernet WAN connected"
        "The Ethernet WAN of {device} is connected." clears CELLULAR_ETHERNET;
    cellular_edge_ethernet_wan_disconnected Warning "Cellular edge Ethernet WAN disconnected"
        "The Ethernet WAN of {device} is disconnected." raises CELLULAR_ETHERNET;
    cellular_edge_ethernet_wan_plugged Info "Cellular edge Ethernet WAN plugged in"
        "The Ethernet WAN cable of {device} was plugged in." clears CELLULAR_CABLE;
    cellular_edge_ethernet_wan_unplugged Warning "Cellular edge Ethernet WAN unplugged"
        "The Ethernet WAN cable of {device} was unplugged." raises CELLULAR_CABLE;
    cellular_edge_firmware_upgraded Info "Cellular edge upgraded"
        "The firmware of {device} was upgraded.";
    cellular_edge_login_failed Warning "Cellular edge login failed"
        "Somebody failed to log in to {device}.";
    cellular_edge_login_succeeded Info "Cellular edge login" "Somebody logged in to {device}.";
    cellular_edge_modem_wan_connected Info "Cellular edge modem connected"
        "The modem of {device} is connected." clears CELLULAR_MODEM;
    cellular_edge_modem_wan_disconnected Warning "Cellular edge modem disconnected"
        "The modem of {device} is disconnected." raises CELLULAR_MODEM;
    cellular_edge_rebooted Info "Cellular edge restarted" "{device} restarted.";
    cellular_edge_sim_door_closed Info "Cellular edge SIM door closed"
        "The SIM door of {device} was closed." clears CELLULAR_SIM_DOOR;
    cellular_edge_sim_door_opened Warning "Cellular edge SIM door opened"
        "The SIM door of {device} was opened." raises CELLULAR_SIM_DOOR;
    cellular_edge_wan_service_type_changed Debug "Cellular edge service type changed"
        "The WAN of {device} changed its type of service.";

    // Mist Edges
    mist_edge_connected Info "Mist Edge connected" "{device} is connected." clears MIST_EDGE;
    mist_edge_cpu_usage_high Warning "Mist Edge CPU usage high"
        "The CPU usage of {device} is high." raises MIST_EDGE_CPU;
    mist_edge_cpu_usage_normal Info "Mist Edge CPU usage normal"
        "The CPU usage of {device} is normal again." clears MIST_EDGE_CPU;
    mist_edge_disconnected Warning "Mist Edge disconnected"
        "{device} lost its connection." raises MIST_EDGE;
    mist_edge_disk_usage_high Warning "Mist Edge disk usage high"
        "The disk usage of {device} is high." raises MIST_EDGE_DISK;
    mist_edge_disk_usage_normal Info "Mist Edge disk usage normal"
        "The disk usage of {device} is normal again." clears MIST_EDGE_DISK;
    mist_edge_fan_plugged Info "Mist Edge fan plugged in"
        "A fan of {device} was plugged in." clears MIST_EDGE_FAN;
    mist_edge_fan_unplugged Critical "Mist Edge fan unplugged"
        "A fan of {device} was unplugged." raises MIST_EDGE_FAN;
    mist_edge_memory_usage_high Warning "Mist Edge memory usage high"
        "The memory usage of {device} is high." raises MIST_EDGE_MEMORY;
    mist_edge_memory_usage_normal Info "Mist Edge memory usage normal"
        "The memory usage of {device} is normal again." clears MIST_EDGE_MEMORY;
    mist_edge_powerinput_connected Info "Mist Edge power connected"
        "A power supply of {device} has power again." clears MIST_EDGE_POWER;
    mist_edge_powerinput_disconnected Warning "Mist Edge power disconnected"
        "A power supply of {device} lost its power input." raises MIST_EDGE_POWER;
    mist_edge_psu_plugged Info "Mist Edge power supply plugged in"
        "A power supply of {device} was plugged in." clears MIST_EDGE_PSU;
    mist_edge_psu_unplugged Warning "Mist Edge power supply unplugged"
        "A power supply of {device} was unplugged." raises MIST_EDGE_PSU;
    mist_edge_service_crashed Critical "Mist Edge service crashed"
        "[Service \"{service}\"|A service] of {device} crashed.";
    mist_edge_service_failed Warning "Mist Edge service failed"
        "[Service \"{service}\"|A service] of {device} failed.";
    tt_inactive_vlans Warning "Mist Edge VLANs inactive"
        "[VLAN {vlans}|A VLAN] of {device} carries no traffic.";
    tt_monitored_resource_failed Warning "Monitored resource failed"
        "{device} does not reach a monitored resource." raises TT_RESOURCE;
    tt_monitored_resource_recovered Info "Monitored resource recovered"
        "{device} reaches a monitored resource again." clears TT_RESOURCE;
    tt_port_last_dropped_from_lacp Warning "Mist Edge LAG lost its last port"
        "[Port {port}|A port] of {device} was the last to drop out of its LAG.";
    tt_ports_all_dropped_from_lacp Warning "Mist Edge LAG lost all ports"
        "All ports of {device} dropped out of their LAG.";
    tt_tunnels_lost Warning "Mist Edge tunnels lost" "{device} lost its tunnels." raises TT_TUNNELS;
    tt_tunnels_up Info "Mist Edge tunnels up" "The tunnels of {device} are up." clears TT_TUNNELS;

    // Security
    adhoc_network Warning "Ad hoc network detected"
        "{device} detected an ad hoc network[ with SSID {ssids}].";
    air_magnet_scan Info "AirMagnet scan detected"
        "{device} detected an AirMagnet scan[ by {clients}].";
    beacon_flood Warning "Beacon flood detected" "{device} detected a flood of fake APs.";
    bssid_spoofing Info "BSSID spoofing detected"
        "{device} detected somebody who imitates [BSSID {bssids}|one of its BSSIDs].";
    disassociation_flood Warning "Disassociation attack detected"
        "{device} detected a flood of disassociations[ against {clients}].";
    eap_dictionary_attack Warning "EAP dictionary attack detected"
        "{device} detected a dictionary attack on EAP[ by {clients}].";
    eap_failure_injection Warning "EAP failure injection detected"
        "{device} detected injected EAP failures.";
    eap_handshake_flood Info "EAP handshake flood detected"
        "{device} detected a flood of EAP handshakes[ by {clients}].";
    eap_spoofed_success Warning "Forged EAP success detected"
        "{device} detected forged EAP success messages.";
    eapol_logoff_attack Warning "EAPOL logoff attack detected"
        "{device} detected an EAPOL logoff attack[ against {clients}].";
    essid_jack Warning "ESSID jack detected"
        "{device} detected a tool that asks for hidden SSIDs (ESSID jack).";
    excessive_client Warning "Too many clients" "{device} saw an excessive number of clients.";
    excessive_eapol_start Warning "Too many EAPOL starts"
        "{device} saw an excessive number of EAPOL starts[ by {clients}].";
    honeypot_ssid Info "Honeypot SSID detected"
        "{device} detected an unknown AP that offers [SSID {ssids}|one of our SSIDs].";
    idp_attack_detected Info "Intrusion attempt detected" "{device} detected an intrusion attempt.";
    krack_attack Warning "KRACK attack detected"
        "{device} detected a replay injection (KRACK)[ against {clients}].";
    monkey_jack Warning "Monkey jack detected"
        "{device} detected a man-in-the-middle attempt (monkey jack).";
    out_of_sequence Warning "Frames out of sequence"
        "{device} detected frames out of sequence, as a forged device sends them.";
    repeated_auth_failures Info "Repeated authentication failures"
        "[{clients}|A client] failed to authenticate again and again at {device}.";
    rogue_ap Critical "Rogue AP detected"
        "{device} detected a rogue AP in the network[ with SSID {ssids}].";
    rogue_client Critical "Client on a rogue AP"
        "{device} detected a client that is connected to a rogue AP.";
    secpolicy_violation Warning "Security policy violated"
        "{device} serves a WLAN that violates the security policy.";
    ssid_injection Warning "SSID injection detected"
        "{device} detected an SSID with injected code[: {ssids}].";
    tkip_icv_attack Warning "TKIP ICV attack detected"
        "{device} detected an attack on TKIP[ by {clients}].";
    url_blocked Info "URL blocked" "{device} blocked access to a URL.";
    vendor_ie_missing Warning "Vendor information missing"
        "{device} detected beacons[ of SSID {ssids}] without our APs' vendor information.";
    watched_station Warning "Watched client seen" "{device} saw a client that is being watched.";
    zero_ssid_association Warning "Association without SSID"
        "{device} saw association requests without an SSID.";

    // Marvis: connectivity
    arp_failure Critical "ARP failures" "Marvis found ARP failures that involve {entities}.";
    authentication_failure Critical "Authentication failures"
        "Marvis found authentication failures that involve {entities}.";
    dhcp_failure Critical "DHCP failures" "Marvis found DHCP failures that involve {entities}.";
    dns_failure Critical "DNS failures" "Marvis found DNS failures that involve {entities}.";
    minis_application_reachability_failure Critical "Application unreachable"
        "Marvis Minis could not reach an application from {entities}.";
    minis_arp_failure Critical "ARP failures in a Marvis test"
        "Marvis Minis got no ARP answers from {entities}.";
    minis_dhcp_failure Critical "DHCP failures in a Marvis test"
        "Marvis Minis got no address by DHCP from {entities}.";
    minis_dns_failure Critical "DNS failures in a Marvis test"
        "Marvis Minis got no DNS answers from {entities}.";
    psk_failure Critical "Wrong passphrases"
        "Marvis found clients that use a wrong passphrase, involving {entities}.";

    // Marvis: APs
    ap_bad_cable Critical "Bad cable at an AP" "Marvis found a bad cable at {entities}.";
    ap_loop_by_duplicate_tunnels Warning "Loop through duplicate tunnels"
        "Marvis found a loop through duplicate tunnels at {entities}.";
    ap_loop_by_duplicate_wlan_paths Warning "Loop through duplicate WLAN paths"
        "Marvis found a loop through duplicate WLAN paths at {entities}.";
    ap_loop_by_switch_port_flap Warning "Loop through a flapping switch port"
        "Marvis found a loop through a flapping switch port at {entities}.";
    ap_offline Warning "AP offline (Marvis)" "Marvis found {entities} offline.";
    ap_offline_isp_site_down Critical "Site offline"
        "Marvis found {entities} offline because the site lost its connection.";
    health_check Warning "AP health check failed"
        "Marvis found that the health check of {entities} failed.";
    health_check_failed Warning "AP health check failed"
        "Marvis found that the health check of {entities} failed.";
    insufficient_capacity Critical "Insufficient wireless capacity"
        "Marvis found too little wireless capacity at {entities}.";
    insufficient_coverage Critical "Insufficient wireless coverage"
        "Marvis found too little wireless coverage at {entities}.";
    non_compliant Warning "AP firmware not compliant"
        "Marvis found {entities} running firmware that does not match the site.";

    // Marvis: switches
    bad_cable Critical "Bad cable" "Marvis found a bad cable at {entities}.";
    missing_vlan Critical "Missing VLAN" "Marvis found a VLAN that is missing at {entities}.";
    negotiation_mismatch Critical "Negotiation mismatch"
        "Marvis found two ends of a link with different speed or duplex modes at {entities}.";
    port_flap Warning "Port flapping" "Marvis found {entities} flapping.";
    port_stuck Warning "Port stuck" "Marvis found {entities} stuck.";
    sw_high_cpu_usage Critical "Switch CPU usage high" "Marvis found high CPU usage at {entities}.";
    sw_mtu_mismatch Critical "MTU mismatch" "Marvis found different MTUs at {entities}.";
    sw_negotiation_incomplete Critical "Negotiation incomplete"
        "Marvis found that {entities} did not finish the link negotiation.";
    sw_offline Critical "Switch offline (Marvis)" "Marvis found {entities} offline.";
    switch_offline Critical "Switch offline (Marvis)" "Marvis found {entities} offline.";
    switch_stp_loop Critical "Spanning tree loop"
        "Marvis found a spanning tree loop at {entities}.";

    // Marvis: gateways
    bad_wan_uplink Critical "Bad WAN uplink" "Marvis found a bad WAN uplink at {entities}.";
    gw_bad_cable Critical "Bad cable at a gateway" "Marvis found a bad cable at {entities}.";
    gw_mtu_mismatch Critical "MTU mismatch" "Marvis found different MTUs at {entities}.";
    gw_negotiation_mismatch Critical "Negotiation mismatch"
        "Marvis found two ends of a link with different speed or duplex modes at {entities}.";
    gw_non_compliant Critical "Gateway firmware not compliant"
        "Marvis found {entities} running firmware that does not match the site.";
    intermittent_wan_connectivity Critical "WAN connectivity intermittent"
        "Marvis found interruptions of the WAN at {entities}.";
    vpn_path_down Warning "VPN path down (Marvis)" "Marvis found a VPN path down at {entities}.";
    wan_device_problem Warning "WAN device problem" "Marvis found a problem with {entities}.";
};
