//! Switches and virtual chassis.

use super::{Kind, kinds};

pub(in crate::notify) const KINDS: &[Kind] = kinds! {
    // Inventory
    SW_ASSIGNED Info "Switch assigned to a site" "{bare} was assigned to [{site}|a site].";
    SW_CLAIMED Warning "Switch claimed" "{bare} was claimed by the organization.";
    SW_UNASSIGNED Info "Switch removed from its site" "{bare} was removed from [{site}|its site].";
    SW_UNCLAIMED Warning "Switch unclaimed" "{bare} was removed from the organization.";

    // Connection to the cloud
    SW_CONNECTED Info "Switch connected"
        "{device} is connected to the Mist cloud." clears DEVICE_DOWN;
    SW_DISCONNECTED Info "Switch disconnected"
        "{device} lost its connection to the Mist cloud." raises DEVICE_DOWN;
    SW_HANDSHAKE_ERROR Warning "Switch handshake failed"
        "The Mist cloud could not log in to {device}[: {text}].";
    SW_REJECTED Critical "Switch refused the cloud's login"
        "{device} refused the SSH login of the Mist cloud[: {text}].";
    SW_RESTARTED Info "Switch restarted" "{device} restarted.";
    SW_RESTARTED_BY_USER Info "Switch restarted by an administrator"
        "An administrator restarted {device}.";
    SW_RESTART_BY_USER Info "Switch restarted by an administrator"
        "An administrator restarted {device}.";
    SW_SYSTEM_SERVICE_RESTART Warning "Switch service restarted"
        "A system service of {device} restarted[: {text}].";

    // Configuration
    SW_CONFIGURED Debug "Switch configured"
        "{device} committed its configuration." clears CONFIG_FAILED;
    SW_CONFIG_CHANGED_BY_MARVIS Info "Switch configuration changed by Marvis"
        "Marvis changed the configuration of {device}.";
    SW_CONFIG_CHANGED_BY_USER Info "Switch configuration changed"
        "An administrator changed the configuration of {device}.";
    SW_CONFIG_ERROR_ADDTL_COMMAND Warning "Switch CLI commands failed"
        "{device} refused the additional CLI commands of its configuration[: {text}]."
        raises CONFIG_FAILED;
    SW_CONFIG_FAILED Warning "Switch configuration failed"
        "{device} could not apply its configuration[: {text}]." raises CONFIG_FAILED;
    SW_CONFIG_GENERATED Debug "Switch configuration generated"
        "The Mist cloud generated a configuration for {device}.";
    SW_CONFIG_LOCK_FAILED Warning "Switch configuration lock failed"
        "The Mist cloud could not lock the configuration of {device}[: {text}]."
        raises CONFIG_FAILED;
    SW_CONFIG_REVERTED Critical "Switch went back to an older configuration"
        "{device} took back a change of its configuration[: {text}]." raises CONFIG_FAILED;
    SW_RECONFIGURED Debug "Switch configuration repeated"
        "{device} received its configuration again, unchanged." clears CONFIG_FAILED;

    // Firmware and recovery
    SW_ALARM_POE_CONTROLLER_UPGRADE_AVAILABLE Warning "PoE controller upgrade available"
        "A firmware upgrade is available for the PoE controller of {device}.";
    SW_MASTER_ON_RECOVERY Warning "Switch runs from its recovery partition"
        "The primary member of {device} runs from its recovery partition.";
    SW_MEMBER_ON_RECOVERY Warning "Switch member runs from its recovery partition"
        "A member of {device} runs from its recovery partition.";
    SW_RECOVERY_SNAPSHOT_FAILED Warning "Recovery snapshot failed"
        "{device} could not make its recovery snapshot[: {text}]." raises SNAPSHOT_FAILED;
    SW_RECOVERY_SNAPSHOT_NOTNEEDED Warning "Recovery snapshot not needed"
        "{device} needs no new recovery snapshot." clears SNAPSHOT_FAILED;
    SW_RECOVERY_SNAPSHOT_REQUESTED Info "Recovery snapshot requested"
        "A recovery snapshot of {device} was requested.";
    SW_RECOVERY_SNAPSHOT_SUCCEEDED Info "Recovery snapshot made"
        "{device} made its recovery snapshot." clears SNAPSHOT_FAILED;
    SW_RECOVERY_SNAPSHOT_UNSUPPORTED Info "Recovery snapshot not supported"
        "{device} does not support recovery snapshots.";
    SW_UPGRADED Debug "Switch upgraded" "{device} was upgraded[ {versions}]." clears UPGRADE_FAILED;
    SW_UPGRADE_BY_USER Debug "Switch upgrade started by an administrator"
        "An administrator started the upgrade of {device}[ {versions}].";
    SW_UPGRADE_FAILED Critical "Switch upgrade failed"
        "{device} could not be upgraded[ {versions}|: {text}]." raises UPGRADE_FAILED;
    SW_UPGRADE_IMAGE_UPLOADED Info "Switch upgrade: image uploaded"
        "The new image was uploaded to {device}.";
    SW_UPGRADE_PENDING Debug "Switch upgrade waits for a restart"
        "The upgrade of {device}[ {versions}] waits for a restart.";
    SW_UPGRADE_SOFTWARE_ADD Info "Switch upgrade: image being installed"
        "{device} installs its new image.";
    SW_UPGRADE_SOFTWARE_ADD_RETRY Info "Switch upgrade: installation retried"
        "{device} tries again to install its new image.";
    SW_UPGRADE_STORAGE_CLEANUP Info "Switch upgrade: storage cleaned up"
        "{device} cleans up its storage before the upgrade.";

    // Chassis
    SW_ALARM Warning "Switch alarm" "{device} raised [a {alarm_class}|an] alarm[: {text}].";
    SW_ALARM_CHASSIS_FAN Warning "Switch fan alarm"
        "{device} reports a problem with a fan[: {text}]." raises FAN_ALARM;
    SW_ALARM_CHASSIS_FAN_CLEAR Info "Switch fan alarm cleared"
        "The fans of {device} work normally again[: {text}]." clears FAN_ALARM;
    SW_ALARM_CHASSIS_HOT Warning "Switch too hot"
        "{device} is too hot[: {text}]." raises TOO_HOT;
    SW_ALARM_CHASSIS_HOT_CLEAR Info "Switch temperature normal"
        "The temperature of {device} is normal again[: {text}]." clears TOO_HOT;
    SW_ALARM_CHASSIS_HUMIDITY Warning "Switch humidity alarm"
        "{device} reports too much humidity[: {text}]." raises TOO_HUMID;
    SW_ALARM_CHASSIS_HUMIDITY_CLEAR Info "Switch humidity normal"
        "The humidity at {device} is normal again[: {text}]." clears TOO_HUMID;
    SW_ALARM_CHASSIS_MGMT_LINK_DOWN Warning "Switch management link down"
        "The management link of {device} is down[: {text}]." raises MANAGEMENT_LINK_DOWN;
    SW_ALARM_CHASSIS_MGMT_LINK_DOWN_CLEAR Info "Switch management link up"
        "The management link of {device} is up again[: {text}]." clears MANAGEMENT_LINK_DOWN;
    SW_ALARM_CHASSIS_PARTITION Warning "Switch partition nearly full"
        "A storage partition of {device} is nearly full[: {text}]." raises PARTITION_FULL;
    SW_ALARM_CHASSIS_PARTITION_CLEAR Info "Switch partition usage normal"
        "The storage partitions of {device} have room again[: {text}]." clears PARTITION_FULL;
    SW_ALARM_CHASSIS_PEM Warning "Switch power entry module alarm"
        "{device} reports a problem with a power entry module[: {text}]." raises POWER_ENTRY_ALARM;
    SW_ALARM_CHASSIS_PEM_CLEAR Info "Switch power entry module alarm cleared"
        "The power entry modules of {device} work normally again[: {text}]."
        clears POWER_ENTRY_ALARM;
    SW_ALARM_CHASSIS_POE Warning "Switch PoE alarm"
        "{device} reports a problem with Power over Ethernet[: {text}]." raises POE_ALARM;
    SW_ALARM_CHASSIS_POE_CLEAR Info "Switch PoE alarm cleared"
        "Power over Ethernet of {device} works normally again[: {text}]." clears POE_ALARM;
    SW_ALARM_CHASSIS_PSU Warning "Switch power supply alarm"
        "{device} reports a problem with a power supply[: {text}]." raises POWER_SUPPLY_ALARM;
    SW_ALARM_CHASSIS_PSU_CLEAR Info "Switch power supply alarm cleared"
        "The power supplies of {device} work normally again[: {text}]." clears POWER_SUPPLY_ALARM;
    SW_ALARM_IOT_CLEAR Info "Switch IoT alarm cleared"
        "The IoT alarm of {device} is over[: {text}]." clears IOT_ALARM;
    SW_ALARM_IOT_SET Warning "Switch IoT alarm"
        "{device} raised an IoT alarm[: {text}]." raises IOT_ALARM;
    SW_ALARM_OPTICS_IFACE_RX_LOW Warning "Switch optics receive too little light"
        "The optics of [port {port}|a port] of {device} receive too little light[: {text}].";
    SW_FPC_POWER_OFF Warning "Switch line card off"
        "[Line card {fru_slot}|A line card] of {device} is powered off."
        raises LINE_CARD_OFF "fru_slot";
    SW_FPC_POWER_ON Info "Switch line card on"
        "[Line card {fru_slot}|A line card] of {device} is powered on."
        clears LINE_CARD_OFF "fru_slot";

    // Virtual chassis
    SW_ALARM_VIRTUAL_CHASSIS_VERSION_MISMATCH Warning "Virtual chassis versions differ"
        "The members of {device} run different versions[: {text}]." raises VC_VERSIONS_DIFFER;
    SW_ALARM_VIRTUAL_CHASSIS_VERSION_MISMATCH_CLEAR Info "Virtual chassis versions agree"
        "The members of {device} run the same version again." clears VC_VERSIONS_DIFFER;
    SW_VC_BACKUP_ELECTED Warning "Virtual chassis backup elected"
        "{device} elected a backup member.";
    SW_VC_IN_TRANSITION Warning "Virtual chassis in transition"
        "The virtual chassis of {device} is changing[: {text}]." raises VC_IN_TRANSITION;
    SW_VC_MASTER_CHANGED Warning "Virtual chassis primary changed"
        "Another member became the primary of {device}.";
    SW_VC_MEMBER_ADDED Info "Virtual chassis member added"
        "[Member {member}|A member] joined {device}.";
    SW_VC_MEMBER_DELETED Warning "Virtual chassis member lost"
        "[Member {member}|A member] left {device}.";
    SW_VC_MEMBER_RESTARTED Warning "Virtual chassis member restarted"
        "[Member {member}|A member] of {device} restarted[: {text}].";
    SW_VC_PORT_DOWN Info "Virtual chassis port down"
        "[Virtual chassis port {port}|A virtual chassis port] of {device} went down."
        raises VC_PORT_DOWN "port";
    SW_VC_PORT_UP Info "Virtual chassis port up"
        "[Virtual chassis port {port}|A virtual chassis port] of {device} came up."
        clears VC_PORT_DOWN "port";
    SW_VC_STABLE Info "Virtual chassis stable"
        "The virtual chassis of {device} is stable." clears VC_IN_TRANSITION;

    // Ports
    SW_BOUNCE_PORT Info "Switch port bounced" "[Port {port}|A port] of {device} was bounced.";
    SW_DYNAMIC_PORT_ASSIGNED Info "Switch port profile assigned"
        "[Port {port}|A port] of {device} got [the profile \"{profile}\"|another profile].";
    SW_LACPD_TIMEOUT Warning "LACP timeout"
        "LACP timed out on [port {port}|a port] of {device}." raises LACP_TIMEOUT "port";
    SW_LACPD_TIMEOUT_CLEARED Info "LACP timeout over"
        "LACP works again on [port {port}|a port] of {device}." clears LACP_TIMEOUT "port";
    SW_LACP_MEMBER_DOWN Warning "LAG member down"
        "[Port {port}|A port] of {device} dropped out of its LAG." raises LAG_MEMBER_DOWN "port";
    SW_LACP_MEMBER_UP Info "LAG member up"
        "[Port {port}|A port] of {device} joined its LAG." clears LAG_MEMBER_DOWN "port";
    SW_LOOP_CLEARED Info "Loop over" "{device} no longer sees a loop[: {text}]." clears LOOP_DETECTED;
    SW_LOOP_DETECTED Critical "Loop detected" "{device} detected a loop[: {text}]." raises LOOP_DETECTED;
    SW_MAC_LEARNING_RESUMED Info "MAC learning resumed"
        "{device} learns MAC addresses again[: {text}]." clears MAC_LEARNING_STOPPED;
    SW_MAC_LEARNING_STOPPED Warning "MAC learning stopped"
        "{device} stopped learning MAC addresses[: {text}]." raises MAC_LEARNING_STOPPED;
    SW_MAC_LIMIT_EXCEEDED Warning "MAC limit exceeded"
        "[Port {port}|A port] of {device} saw more MAC addresses than its limit allows."
        raises MAC_LIMIT_EXCEEDED "port";
    SW_MAC_LIMIT_RESET Info "MAC limit reset"
        "The MAC limit of [port {port}|a port] of {device} was reset."
        clears MAC_LIMIT_EXCEEDED "port";
    SW_PORT_BPDU_BLOCKED Warning "Switch port blocked by a BPDU"
        "{device} blocked [port {port}|a port] because it received a BPDU."
        raises BPDU_BLOCKED "port";
    SW_PORT_BPDU_ERROR_CLEARED Info "Switch port unblocked"
        "{device} no longer blocks [port {port}|a port] because of a BPDU."
        clears BPDU_BLOCKED "port";
    SW_PORT_DOWN Debug "Switch port down"
        "[Port {port}|A port] of {device} went down." raises PORT_DOWN "port";
    SW_PORT_STORM_CONTROL Warning "Storm control in effect"
        "Storm control limits [port {port}|a port] of {device}.";
    SW_PORT_UP Debug "Switch port up"
        "[Port {port}|A port] of {device} came up." clears PORT_DOWN "port";
    SW_STP_TOPO_CHANGED Info "Spanning tree changed"
        "{device} saw a change of the spanning tree topology.";

    // Routing and overlay
    SW_BFD_SESSION_DISCONNECTED Warning "BFD session down"
        "{device} lost a BFD session[: {text}]." raises BFD_SESSION_DOWN;
    SW_BFD_SESSION_ESTABLISHED Info "BFD session up"
        "{device} established a BFD session[: {text}]." clears BFD_SESSION_DOWN;
    SW_BGP_NEIGHBOR_DOWN Warning "BGP neighbor down"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} went down[: {transition}]."
        raises BGP_NEIGHBOR_DOWN "text:neighbor";
    SW_BGP_NEIGHBOR_STATE_CHANGED Debug "BGP neighbor changed"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} changed its state[ {transition}].";
    SW_BGP_NEIGHBOR_UP Info "BGP neighbor up"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} came up[: {transition}]."
        clears BGP_NEIGHBOR_DOWN "text:neighbor";
    SW_EVPN_BGP_PEER_STATUS_CHANGE Info "EVPN BGP peer changed"
        "[EVPN BGP peer {neighbor}|An EVPN BGP peer] of {device} changed its state[ {transition}].";
    SW_EVPN_CORE_ISOLATED Warning "EVPN core isolated"
        "{device} lost its way to the EVPN core[: {text}]." raises EVPN_CORE_ISOLATED;
    SW_EVPN_CORE_ISOLATION_CLEARED Info "EVPN core reachable"
        "{device} reaches the EVPN core again[: {text}]." clears EVPN_CORE_ISOLATED;
    SW_EVPN_DUPLICATE_MAC Warning "EVPN duplicate MAC address"
        "{device} saw a MAC address in two places of the EVPN fabric[: {text}].";
    SW_OSPF_NEIGHBOR_DOWN Debug "OSPF neighbor down"
        "[OSPF neighbor {neighbor}|An OSPF neighbor] of {device} went down[: {transition}]."
        raises OSPF_NEIGHBOR_DOWN "text:neighbor";
    SW_OSPF_NEIGHBOR_UP Debug "OSPF neighbor up"
        "[OSPF neighbor {neighbor}|An OSPF neighbor] of {device} came up[: {transition}]."
        clears OSPF_NEIGHBOR_DOWN "text:neighbor";

    // Clients and protection
    SW_DDOS_PROTOCOL_VIOLATION_CLEAR Info "DDoS protection relaxed"
        "[{protocol_name} traffic|Protocol traffic] to {device} is back below its DDoS limit."
        clears DDOS_LIMIT_EXCEEDED "protocol_name";
    SW_DDOS_PROTOCOL_VIOLATION_SET Critical "DDoS protection limit exceeded"
        "[{protocol_name} traffic|Protocol traffic] to {device} exceeds its DDoS limit."
        raises DDOS_LIMIT_EXCEEDED "protocol_name";
    SW_DHCP_POOL_EXHAUSTED Warning "DHCP pool exhausted"
        "A DHCP pool of {device} has no free address[: {text}].";
    SW_DOT1XD_USER_AUTHENTICATED Debug "802.1X user authenticated"
        "{device} authenticated [user {user}|a user][ on port {port}].";
    SW_DOT1XD_USR_AUTHENTICATED Debug "802.1X user authenticated"
        "{device} authenticated [user {user}|a user][ on port {port}].";
    SW_DOT1X_USER_AUTHENTICATED Debug "802.1X user authenticated"
        "{device} authenticated [user {user}|a user][ on port {port}].";
    SW_NON_DHCP_CLIENT_DETECTED Info "Client without DHCP"
        "{device} saw a client that did not use DHCP[ on port {port}][: {text}].";
    SW_RADIUS_SERVER_UNREACHABLE Warning "RADIUS server unreachable"
        "{device} cannot reach [the RADIUS server {server}|a RADIUS server].";
    SW_ROGUE_DHCP_SERVER_DETECTED Critical "Rogue DHCP server detected"
        "{device} detected a rogue DHCP server[ on port {port}][: {text}].";
    SW_USR_SESSION_HELD Info "802.1X session held"
        "{device} holds back an 802.1X session[ on port {port}] after failed attempts[: {text}].";

    // Zero-touch provisioning
    SW_ZTP_CONF_APPLIED Info "ZTP: configuration applied"
        "{device} applied its configuration during zero-touch provisioning.";
    SW_ZTP_CONF_FAILED Warning "ZTP: configuration failed"
        "{device} could not apply its configuration during zero-touch provisioning[: {text}].";
    SW_ZTP_FAILED Critical "ZTP failed"
        "Zero-touch provisioning of {device} failed[: {text}]." raises PROVISIONING_FAILED;
    SW_ZTP_FINISHED Info "ZTP finished"
        "Zero-touch provisioning of {device} is finished." clears PROVISIONING_FAILED;
    SW_ZTP_POST_SCRIPT_SUCCESS Debug "ZTP: final script done"
        "The final script of zero-touch provisioning succeeded on {device}.";
    SW_ZTP_PRE_SCRIPT_COMPLETE Debug "ZTP: first script done"
        "The first script of zero-touch provisioning is done on {device}.";
    SW_ZTP_PRE_SCRIPT_CONNECTION_FAIL Warning "ZTP: no connection"
        "{device} had no connection during zero-touch provisioning[: {text}].";
    SW_ZTP_PRE_SCRIPT_IMAGE_ADD Debug "ZTP: image being installed"
        "{device} installs its image during zero-touch provisioning.";
    SW_ZTP_PRE_SCRIPT_IMAGE_ADD_FAIL Warning "ZTP: image not installed"
        "{device} could not install its image during zero-touch provisioning[: {text}].";
    SW_ZTP_PRE_SCRIPT_IMAGE_CHECKSUM_COMPLETE Debug "ZTP: image verified"
        "{device} verified the checksum of its image during zero-touch provisioning.";
    SW_ZTP_PRE_SCRIPT_IMAGE_CHECKSUM_ERROR Warning "ZTP: image damaged"
        "The image for zero-touch provisioning of {device} has a wrong checksum[: {text}].";
    SW_ZTP_PRE_SCRIPT_IMAGE_DOWNLOAD_COMPLETE Debug "ZTP: image downloaded"
        "{device} downloaded its image during zero-touch provisioning.";
    SW_ZTP_PRE_SCRIPT_IMAGE_DOWNLOAD_HTTP_ERROR Warning "ZTP: image download failed"
        "{device} could not download its image during zero-touch provisioning[: {text}].";
    SW_ZTP_PRE_SCRIPT_IMAGE_DOWNLOAD_START Debug "ZTP: image download started"
        "{device} downloads its image for zero-touch provisioning.";
    SW_ZTP_PRE_SCRIPT_IMAGE_VERSION_NOT_SUPPORT_JMA Info "ZTP: image without management agent"
        "The image that {device} runs does not support the Juniper management agent[: {text}].";
    SW_ZTP_PRE_SCRIPT_NO_IMAGE_VERSION Warning "ZTP: no image version"
        "No image version is set for the zero-touch provisioning of {device}[: {text}].";
    SW_ZTP_PRE_SCRIPT_REBOOT Debug "ZTP: restart"
        "{device} restarts during zero-touch provisioning.";
    SW_ZTP_STARTED Info "ZTP started" "Zero-touch provisioning of {device} started.";
};
