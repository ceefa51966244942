//! Switches and virtual chassis.

use super::{Kind, kinds};

pub(in crate::notify) const KINDS: &[Kind] = kinds! {
    // Connection to the cloud
    SW_HANDSHAKE_ERROR Warning "Switch handshake failed"
        "The Mist cloud could not log in to {device}[: {text}].";
    SW_RESTART_BY_USER Info "Switch restarted by an administrator"
        "An administrator restarted {device}.";

    // Configuration
    SW_CONFIG_CHANGED_BY_MARVIS Info "Switch configuration changed by Marvis"
        "Marvis changed the configuration of {device}.";

    // Firmware and recovery
    SW_MASTER_ON_RECOVERY Warning "Switch runs from its recovery partition"
        "The primary member of {device} runs from its recovery partition.";
    SW_MEMBER_ON_RECOVERY Warning "Switch member runs from its recovery partition"
        "[Member {member}|A member] of {device} runs from its recovery partition.";
    SW_RECOVERY_SNAPSHOT_NOTNEEDED Warning "Recovery snapshot not needed"
        "{device} needs no new recovery snapshot." clears SNAPSHOT_FAILED;
    SW_RECOVERY_SNAPSHOT_REQUESTED Info "Recovery snapshot requested"
        "A recovery snapshot of {device} was requested.";
    SW_RECOVERY_SNAPSHOT_UNSUPPORTED Info "Recovery snapshot not supported"
        "{device} does not support recovery snapshots.";
    SW_UPGRADE_FAILED Critical "Switch upgrade failed"
        "{device} could not be upgraded[ {versions}|: {text}]." raises UPGRADE_FAILED;
    SW_UPGRADE_IMAGE_UPLOADED Info "Switch upgrade: image uploaded"
        "The new image was uploaded to {device}.";
    SW_UPGRADE_SOFTWARE_ADD Info "Switch upgrade: image being installed"
        "{device} installs its new image.";
    SW_UPGRADE_SOFTWARE_ADD_RETRY Info "Switch upgrade: installation retried"
        "{device} tries again to install its new image.";
    SW_UPGRADE_STORAGE_CLEANUP Info "Switch upgrade: storage cleaned up"
        "{device} cleans up its storage before the upgrade.";

    // Chassis
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
        "{device} elected [member {vc-backup-id} as its backup|a backup member].";
    SW_VC_IN_TRANSITION Warning "Virtual chassis in transition"
        "The virtual chassis of {device} is changing[: {text}]." raises VC_IN_TRANSITION;
    SW_VC_MASTER_CHANGED Warning "Virtual chassis primary changed"
        "[Member {member}|Another member] became the primary of {device}.";
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
    SW_EVPN_BGP_PEER_STATUS_CHANGE Info "EVPN BGP peer changed"
        "[EVPN BGP peer {neighbor}|An EVPN BGP peer] of {device} changed its state[ {transition}].";
    SW_EVPN_CORE_ISOLATED Warning "EVPN core isolated"
        "{device} lost its way to the EVPN core[: {text}]." raises EVPN_CORE_ISOLATED;
    SW_EVPN_CORE_ISOLATION_CLEARED Info "EVPN core reachable"
        "{device} reaches the EVPN core again[: {text}]." clears EVPN_CORE_ISOLATED;
    SW_EVPN_DUPLICATE_MAC Warning "EVPN duplicate MAC address"
        "{device} saw a MAC address in two places of the EVPN fabric[: {text}].";

    // Clients and protection
    SW_DDOS_PROTOCOL_VIOLATION_CLEAR Info "DDoS protection relaxed"
        "[{protocol_name} traffic|Protocol traffic] to {device} is back below its DDoS limit."
        clears DDOS_LIMIT_EXCEEDED "protocol_name";
    SW_DDOS_PROTOCOL_VIOLATION_SET Critical "DDoS protection limit exceeded"
        "[{protocol_name} traffic|Protocol traffic] to {device} exceeds its DDoS limit."
        raises DDOS_LIMIT_EXCEEDED "protocol_name";
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
};
