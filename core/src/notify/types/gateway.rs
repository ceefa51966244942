//! Gateways, which Mist's dashboard calls WAN edges.

use super::{Kind, kinds};

pub(in crate::notify) const KINDS: &[Kind] = kinds! {
    // Connection to the cloud
    GW_CONDUCTOR_CONNECTED Info "Gateway connected to its conductor"
        "{device} is connected to its conductor." clears CONDUCTOR_LOST;
    GW_CONDUCTOR_DISCONNECTED Warning "Gateway disconnected from its conductor"
        "{device} lost its connection to the conductor." raises CONDUCTOR_LOST;
    GW_RESTART_BY_USER Debug "Gateway restarted by an administrator"
        "An administrator restarted {device}.";
    GW_TIME_OUT_OF_SYNC_DETECTED Warning "Gateway clock out of sync"
        "The clock of {device} is out of sync[: {text}].";

    // Configuration
    GW_GET_SUPPORT_FILES Info "Gateway support files requested"
        "Support files were requested from {device}.";
    GW_GET_SUPPORT_FILES_DONE Info "Gateway support files received"
        "{device} delivered its support files.";
    GW_GET_SUPPORT_FILES_FAILED Warning "Gateway support files failed"
        "{device} could not deliver its support files[: {text}].";

    // Firmware, packages and recovery
    GW_APPID_INSTALLED Debug "Application signatures installed"
        "{device} installed its application signatures." clears APPLICATION_SIGNATURES_FAILED;
    GW_APPID_INSTALL_FAILED Warning "Application signatures failed"
        "{device} could not install its application signatures[: {text}]."
        raises APPLICATION_SIGNATURES_FAILED;
    GW_FIRMWARE_DOWNLOADED Info "Gateway firmware downloaded"
        "{device} downloaded its firmware[ {to_version}].";
    GW_FIRMWARE_DOWNLOAD_BY_SCHEDULE Info "Gateway firmware download started by schedule"
        "{device} starts the scheduled download of its firmware[ {to_version}].";
    GW_FIRMWARE_DOWNLOAD_BY_USER Info "Gateway firmware download started"
        "An administrator started the download of firmware[ {to_version}] to {device}.";
    GW_IDP_INSTALLED Debug "Intrusion signatures installed"
        "{device} installed its intrusion detection signatures." clears INTRUSION_SIGNATURES_FAILED;
    GW_IDP_INSTALL_FAILED Warning "Intrusion signatures failed"
        "{device} could not install its intrusion detection signatures[: {text}]."
        raises INTRUSION_SIGNATURES_FAILED;
    GW_PKG_UPDATE_BY_MIST Info "Gateway package updated by Mist"
        "Mist updates a package of {device}[: {text}].";
    GW_RECOVERY_SNAPSHOT_NOTNEEDED Info "Recovery snapshot not needed"
        "{device} needs no new recovery snapshot." clears SNAPSHOT_FAILED;
    GW_UPGRADE_BY_MIST Info "Gateway upgrade started by Mist"
        "Mist started the upgrade of {device}[ {versions}].";
    GW_UPGRADE_FAILED Warning "Gateway upgrade failed"
        "{device} could not be upgraded[ {versions}|: {text}]." raises UPGRADE_FAILED;
    GW_UPGRADE_IMAGE_UPLOADED Debug "Gateway upgrade: image uploaded"
        "The new image was uploaded to {device}.";
    GW_UPGRADE_REBOOTING Info "Gateway upgrade: restart"
        "{device} restarts to finish its upgrade[ {versions}].";
    GW_UPGRADE_SOFTWARE_ADD Debug "Gateway upgrade: image being installed"
        "{device} installs its new image.";
    GW_UPGRADE_SOFTWARE_ADD_RETRY Debug "Gateway upgrade: installation retried"
        "{device} tries again to install its new image.";
    GW_UPGRADE_STORAGE_CLEANUP Debug "Gateway upgrade: storage cleaned up"
        "{device} cleans up its storage before the upgrade.";

    // Chassis
    GW_ALARM_CHASSIS_WARM Warning "Gateway warm"
        "{device} is warmer than it should be[: {text}]." raises TOO_WARM;
    GW_ALARM_CHASSIS_WARM_CLEAR Info "Gateway no longer warm"
        "The temperature of {device} is normal again[: {text}]." clears TOO_WARM;

    // Ports and addresses
    GW_ARP_RESOLVED Info "ARP resolved"
        "{device} resolves its next hop[ on port {port}] by ARP again."
        clears ARP_UNRESOLVED "port";
    GW_ARP_UNRESOLVED Warning "ARP unresolved"
        "{device} cannot resolve its next hop[ on port {port}] by ARP."
        raises ARP_UNRESOLVED "port";
    GW_DHCP_RESOLVED Debug "DHCP address received"
        "{device} got its address[ on port {port}] by DHCP." clears DHCP_UNRESOLVED "port";
    GW_DHCP_UNRESOLVED Warning "No DHCP address"
        "{device} got no address[ on port {port}] by DHCP." raises DHCP_UNRESOLVED "port";

    // Clusters
    GW_HA_CONTROL_LINK_DOWN Warning "Cluster control link down"
        "The control link between the nodes of {device} is down." raises CLUSTER_LINK_DOWN;
    GW_HA_CONTROL_LINK_UP Info "Cluster control link up"
        "The control link between the nodes of {device} is up." clears CLUSTER_LINK_DOWN;
    GW_HA_HEALTH_WEIGHT_LOW Warning "Redundancy group health low"
        "The health of a redundancy group of {device} is below its threshold[: {text}]."
        raises REDUNDANCY_HEALTH_LOW "text:Detected";
    GW_HA_HEALTH_WEIGHT_RECOVERY Info "Redundancy group health recovered"
        "The health of a redundancy group of {device} has recovered[: {text}]."
        clears REDUNDANCY_HEALTH_LOW "text:Detected";
    GW_PORT_RG_STATE_CHANGED Info "Port redundancy state changed"
        "[Port {port}|A port] of {device} changed its state in the redundancy group.";
    GW_PORT_RG_ST_CHANGED Info "Port redundancy state changed"
        "[Port {port}|A port] of {device} changed its state in the redundancy group.";
    GW_RG_STATE_CHANGED Info "Redundancy group state changed"
        "A redundancy group of {device} changed its state[: {text}].";

    // Routing, tunnels and paths
    GW_FIB_COUNT_RETURNED_TO_NORMAL Info "Forwarding table back to normal"
        "The forwarding table of {device} is back to a normal size[: {text}]."
        clears FORWARDING_TABLE_FULL;
    GW_FIB_COUNT_THRESHOLD_EXCEEDED Warning "Forwarding table too large"
        "The forwarding table of {device} has grown beyond its threshold[: {text}]."
        raises FORWARDING_TABLE_FULL;
    GW_FLOW_COUNT_RETURNED_TO_NORMAL Info "Flow count back to normal"
        "The number of flows through {device} is back to normal[: {text}]." clears TOO_MANY_FLOWS;
    GW_FLOW_COUNT_THRESHOLD_EXCEEDED Warning "Too many flows"
        "The number of flows through {device} exceeds its threshold[: {text}]."
        raises TOO_MANY_FLOWS;
    GW_SRC_NAT_POOL_THRESHOLD_EXCEEDED Critical "Source NAT pool nearly used up"
        "A source NAT pool of {device} exceeds its threshold[: {text}].";
    GW_SVC_PATH_BLACKHOLED Critical "Service without a path"
        "A service of {device} has no working path and its traffic is lost[: {text}].";
    GW_SERVICE_PATH_DOWN Warning "Service path down"
        "A service path of {device} went down[: {text}].";
    GW_SERVICE_PATH_REMOVE Info "Service path removed"
        "A service path of {device} was removed[: {text}].";
    GW_SVC_PATH_CHANGED Info "Service path changed"
        "A service of {device} took another path[: {text}].";
    GW_TUNNEL_DOWN Warning "Tunnel down"
        "A tunnel of {device} went down[: {text}]." raises TUNNEL_DOWN "text:Tunnel";
    GW_TUNNEL_PROVISIONED Debug "Tunnel provisioned"
        "A tunnel of {device} was provisioned[: {text}].";
    GW_TUNNEL_PROVISION_FAILED Warning "Tunnel not provisioned"
        "A tunnel of {device} could not be provisioned[: {text}].";
    GW_TUNNEL_UP Info "Tunnel up"
        "A tunnel of {device} came up[: {text}]." clears TUNNEL_DOWN "text:Tunnel";
    GW_VPN_PATH_DOWN Debug "VPN path down"
        "[VPN path \"{path}\"|A path of VPN \"{vpn_name}\"|A VPN path] of {device} went down."
        raises VPN_PATH_DOWN "text:path";
    GW_VPN_PATH_UP Debug "VPN path up"
        "[VPN path \"{path}\"|A path of VPN \"{vpn_name}\"|A VPN path] of {device} came up."
        clears VPN_PATH_DOWN "text:path";
    GW_VPN_PEER_DOWN Debug "VPN peer down"
        "[VPN peer {peer}|A VPN peer] of {device} went down." raises VPN_PEER_DOWN "text:peer";
    GW_VPN_PEER_UP Debug "VPN peer up"
        "[VPN peer {peer}|A VPN peer] of {device} came up." clears VPN_PEER_DOWN "text:peer";
};
