//! Alarms: infrastructure, security, and what Marvis finds.

use super::{Kind, kinds};

pub(in crate::notify) const KINDS: &[Kind] = kinds! {
    // Devices
    esl_hung Warning "ESL service hangs"
        "The electronic shelf label service of {device} hangs." raises ESL_HUNG;
    esl_recovered Info "ESL service recovered"
        "The electronic shelf label service of {device} works again." clears ESL_HUNG;
    loop_detected_by_ap Warning "Loop detected by an AP"
        "{device} detected a loop in the wired network.";

    // Services that clients need
    infra_arp_failure Critical "ARP failure"
        "Clients of {device} get no ARP answers[ on VLAN {vlans}][ from {servers}]."
        raises CLIENTS_WITHOUT_ARP "site:vlans";
    infra_arp_success Info "ARP recovered"
        "Clients of {device} get ARP answers again[ on VLAN {vlans}][ from {servers}]."
        clears CLIENTS_WITHOUT_ARP "site:vlans";
    infra_dhcp_failure Critical "DHCP failure"
        "Clients of {device} get no addresses by DHCP[ on VLAN {vlans}][ from {servers}]."
        raises CLIENTS_WITHOUT_DHCP "site:vlans";
    infra_dhcp_success Info "DHCP recovered"
        "Clients of {device} get addresses by DHCP again[ on VLAN {vlans}][ from {servers}]."
        clears CLIENTS_WITHOUT_DHCP "site:vlans";
    infra_dns_failure Critical "DNS failure"
        "Clients of {device} get no DNS answers[ on VLAN {vlans}][ from {servers}]."
        raises CLIENTS_WITHOUT_DNS "site:vlans";
    infra_dns_success Info "DNS recovered"
        "Clients of {device} get DNS answers again[ on VLAN {vlans}][ from {servers}]."
        clears CLIENTS_WITHOUT_DNS "site:vlans";

    // Switches
    sw_alarm_chassis_cpu_board_sensor_failed Warning "Switch CPU board sensor failed"
        "A sensor on the CPU board of {device} failed." raises CPU_SENSOR_FAILED;
    sw_alarm_chassis_cpu_board_sensor_failed_clear Info "Switch CPU board sensor works"
        "The sensors on the CPU board of {device} work again." clears CPU_SENSOR_FAILED;
    sw_bad_optics Warning "Switch optics bad"
        "The optics [of port {port} |]of {device} work badly.";
    sw_bgp_neighbor_state_changed Info "BGP neighbor changed"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} changed its state.";
    sw_bpdu_error Warning "Switch port blocked by a BPDU"
        "{device} blocked [port {port}|a port] because of a BPDU.";
    sw_critical_port_down Warning "Critical switch port down"
        "[Critical port {port}|A critical port] of {device} went down." raises PORT_DOWN "port";
    sw_critical_port_up Info "Critical switch port up"
        "[Critical port {port}|A critical port] of {device} came up." clears PORT_DOWN "port";
    sw_ddos_protocol_violation_clear Info "DDoS protection relaxed"
        "Protocol traffic to {device} is back below its DDoS limit."
        clears DDOS_LIMIT_EXCEEDED "protocol_name";
    sw_ddos_protocol_violation_set Critical "DDoS protection limit exceeded"
        "Protocol traffic to {device} exceeds its DDoS limit."
        raises DDOS_LIMIT_EXCEEDED "protocol_name";
    sw_evpn_duplicate_mac Warning "EVPN duplicate MAC address"
        "{device} saw a MAC address in two places of the EVPN fabric.";
    sw_ospf_neighbor_down Warning "OSPF neighbor down"
        "[OSPF neighbor {neighbor}|An OSPF neighbor] of {device} went down."
        raises OSPF_NEIGHBOR_DOWN "text:neighbor";
    sw_ospf_neighbor_up Info "OSPF neighbor up"
        "[OSPF neighbor {neighbor}|An OSPF neighbor] of {device} came up."
        clears OSPF_NEIGHBOR_DOWN "text:neighbor";
    sw_rogue_dhcp_server_detected Warning "Rogue DHCP server detected"
        "{device} detected a rogue DHCP server[ on port {port}].";
    switch_lacp_member_down Warning "LAG member down"
        "[Port {port}|A port] of {device} dropped out of its LAG." raises LAG_MEMBER_DOWN "port";
    switch_lacp_member_up Info "LAG member up"
        "[Port {port}|A port] of {device} joined its LAG." clears LAG_MEMBER_DOWN "port";

    // Virtual chassis
    sw_vc_port_down Critical "Virtual chassis port down"
        "[Virtual chassis port {port}|A virtual chassis port] of {device} went down."
        raises VC_PORT_DOWN "port";
    sw_vc_port_up Info "Virtual chassis port up"
        "[Virtual chassis port {port}|A virtual chassis port] of {device} came up."
        clears VC_PORT_DOWN "port";
    vc_backup_failed Critical "Virtual chassis backup elected"
        "{device} elected another backup member.";
    vc_master_changed Critical "Virtual chassis primary changed"
        "[Member {member}|Another member] became the primary of {device}.";
    vc_member_added Info "Virtual chassis member added"
        "[Member {member}|A member] joined {device}.";
    vc_member_deleted Critical "Virtual chassis member lost"
        "[Member {member}|A member] left {device}.";
    vc_member_restarted Info "Virtual chassis member restarted"
        "[Member {member}|A member] of {device} restarted.";

    // Gateways
    gw_alarm_chassis_warm Warning "Gateway warm"
        "The temperature of {device} is higher than it should be." raises TOO_WARM;
    gw_alarm_chassis_warm_clear Info "Gateway no longer warm"
        "The temperature of {device} is normal again." clears TOO_WARM;
    gw_critical_port_down Warning "Critical gateway port down"
        "[Critical port {port}|A critical port] of {device} went down." raises PORT_DOWN "port";
    gw_critical_port_up Info "Critical gateway port up"
        "[Critical port {port}|A critical port] of {device} came up." clears PORT_DOWN "port";
    gw_fib_count_returned_to_normal Info "Forwarding table back to normal"
        "The forwarding table of {device} is back to a normal size." clears FORWARDING_TABLE_FULL;
    gw_fib_count_threshold_exceeded Warning "Forwarding table too large"
        "The forwarding table of {device} has grown beyond its threshold."
        raises FORWARDING_TABLE_FULL;
    gw_flow_count_returned_to_normal Info "Flow count back to normal"
        "The number of flows through {device} is back to normal." clears TOO_MANY_FLOWS;
    gw_flow_count_threshold_exceeded Warning "Too many flows"
        "The number of flows through {device} exceeds its threshold." raises TOO_MANY_FLOWS;
    gw_src_nat_pool_threshold_exceeded Warning "Source NAT pool nearly used up"
        "A source NAT pool of {device} exceeds its threshold.";
    gw_vpn_path_down Warning "VPN path down"
        "[VPN path \"{path}\"|A VPN path] of {device} went down." raises VPN_PATH_DOWN "text:path";
    gw_vpn_path_up Info "VPN path up"
        "[VPN path \"{path}\"|A VPN path] of {device} came up." clears VPN_PATH_DOWN "text:path";
    ha_control_link_down Warning "Cluster control link down"
        "The control link between the nodes of {device} is down." raises CLUSTER_LINK_DOWN;
    ha_control_link_up Info "Cluster control link up"
        "The control link between the nodes of {device} is up." clears CLUSTER_LINK_DOWN;
    tunnel_down Warning "Tunnel down" "A tunnel of {device} went down."
        raises TUNNEL_DOWN "text:Tunnel";
    tunnel_up Info "Tunnel up" "A tunnel of {device} came up." clears TUNNEL_DOWN "text:Tunnel";
    vpn_peer_down Warning "VPN peer down"
        "[VPN peer {peer}|A VPN peer] of {device} went down." raises VPN_PEER_DOWN "text:peer";
    vpn_peer_up Info "VPN peer up"
        "[VPN peer {peer}|A VPN peer] of {device} came up." clears VPN_PEER_DOWN "text:peer";

    // Mist Edges
    mist_edge_connected Info "Mist Edge connected" "{device} is connected." clears DEVICE_DOWN;
    mist_edge_cpu_usage_high Warning "Mist Edge CPU usage high"
        "The CPU usage of {device} is high." raises USAGE_HIGH "usage";
    mist_edge_cpu_usage_normal Info "Mist Edge CPU usage normal"
        "The CPU usage of {device} is normal again." clears USAGE_HIGH "usage";
    mist_edge_disconnected Warning "Mist Edge disconnected"
        "{device} lost its connection." raises DEVICE_DOWN;
    mist_edge_disk_usage_high Warning "Mist Edge disk usage high"
        "The disk usage of {device} is high." raises USAGE_HIGH "usage";
    mist_edge_disk_usage_normal Info "Mist Edge disk usage normal"
        "The disk usage of {device} is normal again." clears USAGE_HIGH "usage";
    mist_edge_fan_plugged Info "Mist Edge fan plugged in"
        "A fan of {device} was plugged in." clears FAN_UNPLUGGED "component";
    mist_edge_fan_unplugged Critical "Mist Edge fan unplugged"
        "A fan of {device} was unplugged." raises FAN_UNPLUGGED "component";
    mist_edge_memory_usage_high Warning "Mist Edge memory usage high"
        "The memory usage of {device} is high." raises USAGE_HIGH "usage";
    mist_edge_memory_usage_normal Info "Mist Edge memory usage normal"
        "The memory usage of {device} is normal again." clears USAGE_HIGH "usage";
    mist_edge_powerinput_connected Info "Mist Edge power connected"
        "A power supply of {device} has power again." clears POWER_INPUT_LOST "component";
    mist_edge_powerinput_disconnected Warning "Mist Edge power disconnected"
        "A power supply of {device} lost its power input." raises POWER_INPUT_LOST "component";
    mist_edge_psu_plugged Info "Mist Edge power supply plugged in"
        "A power supply of {device} was plugged in." clears POWER_SUPPLY_UNPLUGGED "component";
    mist_edge_psu_unplugged Warning "Mist Edge power supply unplugged"
        "A power supply of {device} was unplugged." raises POWER_SUPPLY_UNPLUGGED "component";
    mist_edge_service_crashed Critical "Mist Edge service crashed"
        "[Service \"{service}\"|A service] of {device} crashed.";
    mist_edge_service_failed Warning "Mist Edge service failed"
        "[Service \"{service}\"|A service] of {device} failed.";
    tt_inactive_vlans Warning "Mist Edge VLANs inactive"
        "[VLAN {vlans}|A VLAN] of {device} carries no traffic.";
    tt_monitored_resource_failed Warning "Monitored resource failed"
        "{device} does not reach a monitored resource." raises MONITORED_RESOURCE_FAILED "resource";
    tt_monitored_resource_recovered Info "Monitored resource recovered"
        "{device} reaches a monitored resource again." clears MONITORED_RESOURCE_FAILED "resource";
    tt_port_last_dropped_from_lacp Warning "Mist Edge LAG lost its last port"
        "[Port {port}|A port] of {device} was the last to drop out of its LAG.";
    tt_ports_all_dropped_from_lacp Warning "Mist Edge LAG lost all ports"
        "All ports of {device} dropped out of their LAG.";
    tt_tunnels_lost Warning "Mist Edge tunnels lost" "{device} lost its tunnels."
        raises TUNNELS_LOST;
    tt_tunnels_up Info "Mist Edge tunnels up" "The tunnels of {device} are up." clears TUNNELS_LOST;

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
    arp_failure Critical "ARP failures" "Marvis found ARP failures that involve {entities}." raises MARVIS_FINDING "finding";
    authentication_failure Critical "Authentication failures"
        "Marvis found authentication failures that involve {entities}." raises MARVIS_FINDING "finding";
    dhcp_failure Critical "DHCP failures" "Marvis found DHCP failures that involve {entities}." raises MARVIS_FINDING "finding";
    dns_failure Critical "DNS failures" "Marvis found DNS failures that involve {entities}." raises MARVIS_FINDING "finding";
    minis_application_reachability_failure Critical "Application unreachable"
        "Marvis Minis could not reach an application from {entities}." raises MARVIS_FINDING "finding";
    minis_arp_failure Critical "ARP failures in a Marvis test"
        "Marvis Minis got no ARP answers from {entities}." raises MARVIS_FINDING "finding";
    minis_dhcp_failure Critical "DHCP failures in a Marvis test"
        "Marvis Minis got no address by DHCP from {entities}." raises MARVIS_FINDING "finding";
    minis_dns_failure Critical "DNS failures in a Marvis test"
        "Marvis Minis got no DNS answers from {entities}." raises MARVIS_FINDING "finding";
    psk_failure Critical "Wrong passphrases"
        "Marvis found clients that use a wrong passphrase, involving {entities}." raises MARVIS_FINDING "finding";

    // Marvis: APs
    ap_bad_cable Critical "Bad cable at an AP" "Marvis found a bad cable at {entities}." raises MARVIS_FINDING "finding";
    ap_loop_by_duplicate_tunnels Warning "Loop through duplicate tunnels"
        "Marvis found a loop through duplicate tunnels at {entities}." raises MARVIS_FINDING "finding";
    ap_loop_by_duplicate_wlan_paths Warning "Loop through duplicate WLAN paths"
        "Marvis found a loop through duplicate WLAN paths at {entities}." raises MARVIS_FINDING "finding";
    ap_loop_by_switch_port_flap Warning "Loop through a flapping switch port"
        "Marvis found a loop through a flapping switch port at {entities}." raises MARVIS_FINDING "finding";
    ap_offline Warning "AP offline (Marvis)" "Marvis found {entities} offline." raises MARVIS_FINDING "finding";
    ap_offline_isp_site_down Critical "Site offline"
        "Marvis found {entities} offline because the site lost its connection." raises MARVIS_FINDING "finding";
    health_check Warning "AP health check failed"
        "Marvis found that the health check of {entities} failed." raises MARVIS_FINDING "finding";
    health_check_failed Warning "AP health check failed"
        "Marvis found that the health check of {entities} failed." raises MARVIS_FINDING "finding";
    insufficient_capacity Critical "Insufficient wireless capacity"
        "Marvis found too little wireless capacity at {entities}." raises MARVIS_FINDING "finding";
    insufficient_coverage Critical "Insufficient wireless coverage"
        "Marvis found too little wireless coverage at {entities}." raises MARVIS_FINDING "finding";
    non_compliant Warning "AP firmware not compliant"
        "Marvis found {entities} running firmware that does not match the site[: {versions}]." raises MARVIS_FINDING "finding";

    // Marvis: switches
    bad_cable Critical "Bad cable" "Marvis found a bad cable at {entities}." raises MARVIS_FINDING "finding";
    missing_vlan Critical "Missing VLAN" "Marvis found [VLAN {vlans}|a VLAN] missing at {entities}." raises MARVIS_FINDING "finding";
    negotiation_mismatch Critical "Negotiation mismatch"
        "Marvis found two ends of a link with different speed or duplex modes at {entities}." raises MARVIS_FINDING "finding";
    port_flap Warning "Port flapping" "Marvis found {entities} flapping." raises MARVIS_FINDING "finding";
    port_stuck Warning "Port stuck" "Marvis found {entities} stuck." raises MARVIS_FINDING "finding";
    sw_high_cpu_usage Critical "Switch CPU usage high" "Marvis found high CPU usage at {entities}." raises MARVIS_FINDING "finding";
    sw_negotiation_incomplete Critical "Negotiation incomplete"
        "Marvis found that {entities} did not finish the link negotiation." raises MARVIS_FINDING "finding";
    sw_offline Critical "Switch offline (Marvis)" "Marvis found {entities} offline." raises MARVIS_FINDING "finding";
    switch_offline Critical "Switch offline (Marvis)" "Marvis found {entities} offline." raises MARVIS_FINDING "finding";
    switch_stp_loop Critical "Spanning tree loop"
        "Marvis found a spanning tree loop at {entities}." raises MARVIS_FINDING "finding";

    // Marvis: gateways
    bad_wan_uplink Critical "Bad WAN uplink" "Marvis found a bad WAN uplink at {entities}." raises MARVIS_FINDING "finding";
    gw_bad_cable Critical "Bad cable at a gateway" "Marvis found a bad cable at {entities}." raises MARVIS_FINDING "finding";
    gw_negotiation_mismatch Critical "Negotiation mismatch"
        "Marvis found two ends of a link with different speed or duplex modes at {entities}." raises MARVIS_FINDING "finding";
    gw_non_compliant Critical "Gateway firmware not compliant"
        "Marvis found {entities} running firmware that does not match the site[: {versions}]." raises MARVIS_FINDING "finding";
    intermittent_wan_connectivity Critical "WAN connectivity intermittent"
        "Marvis found interruptions of the WAN at {entities}." raises MARVIS_FINDING "finding";
    vpn_path_down Warning "VPN path down (Marvis)" "Marvis found a VPN path down at {entities}." raises MARVIS_FINDING "finding";
    wan_device_problem Warning "WAN device problem" "Marvis found a problem with {entities}." raises MARVIS_FINDING "finding";
};
