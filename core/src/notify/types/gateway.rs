//! Gateways, which Mist's dashboard calls WAN edges.

use super::{Kind, kinds};

pub(in crate::notify) const KINDS: &[Kind] = kinds! {
    // Inventory
    GW_ASSIGNED Info "Gateway assigned to a site" "{bare} was assigned to [{site}|a site].";
    GW_CLAIMED Warning "Gateway claimed" "{bare} was claimed by the organization.";
    GW_UNASSIGNED Info "Gateway removed from its site" "{bare} was removed from [{site}|its site].";
    GW_UNCLAIMED Warning "Gateway unclaimed" "{bare} was removed from the organization.";

    // Connection to the cloud
    GW_CONDUCTOR_CONNECTED Info "Gateway connected to its conductor"
        "{device} is connected to its conductor." clears CONDUCTOR_LOST;
    GW_CONDUCTOR_DISCONNECTED Warning "Gateway disconnected from its conductor"
        "{device} lost its connection to the conductor." raises CONDUCTOR_LOST;
    GW_CONNECTED Info "Gateway connected"
        "{device} is connected to the Mist cloud." clears DEVICE_DOWN;
    GW_DISCONNECTED Info "Gateway disconnected"
        "{device} lost its connection to the Mist cloud." raises DEVICE_DOWN;
    GW_DISCONNECTED_LONG Warning "Gateway disconnected for a long time"
        "{device} has been disconnected from the Mist cloud for a long time." raises DEVICE_DOWN;
    GW_REJECTED Critical "Gateway refused the cloud's login"
        "{device} refused the SSH login of the Mist cloud[: {text}].";
    GW_RESTARTED Info "Gateway restarted" "{device} restarted.";
    GW_RESTARTED_BY_USER Info "Gateway restarted by an administrator"
        "An administrator restarted {device}.";
    GW_RESTART_BY_USER Debug "Gateway restarted by an administrator"
        "An administrator restarted {device}.";
    GW_SYSTEM_SERVICE_RESTART Warning "Gateway service restarted"
        "A system service of {device} restarted[: {text}].";
    GW_TIME_OUT_OF_SYNC_DETECTED Warning "Gateway clock out of sync"
        "The clock of {device} is out of sync[: {text}].";

    // Configuration
    GW_CERT_REGENERATED Debug "Gateway certificate renewed"
        "{device} got a new certificate and key.";
    GW_CONFIGURED Debug "Gateway configured"
        "{device} committed its configuration." clears CONFIG_FAILED;
    GW_CONFIG_CHANGED_BY_USER Info "Gateway configuration changed"
        "An administrator changed the configuration of {device}.";
    GW_CONFIG_ERROR_ADDTL_COMMAND Warning "Gateway CLI commands failed"
        "{device} refused the additional CLI commands of its configuration[: {text}]."
        raises CONFIG_FAILED;
    GW_CONFIG_FAILED Warning "Gateway configuration failed"
        "{device} could not apply its configuration[: {text}]." raises CONFIG_FAILED;
    GW_CONFIG_GENERATED Debug "Gateway configuration generated"
        "The Mist cloud generated a configuration for {device}.";
    GW_CONFIG_LOCK_FAILED Warning "Gateway configuration lock failed"
        "The Mist cloud could not lock the configuration of {device}[: {text}]."
        raises CONFIG_FAILED;
    GW_CONFIG_REVERTED Critical "Gateway went back to an older configuration"
        "{device} took back a change of its configuration[: {text}]." raises CONFIG_FAILED;
    GW_GET_SUPPORT_FILES Info "Gateway support files requested"
        "Support files were requested from {device}.";
    GW_GET_SUPPORT_FILES_DONE Info "Gateway support files received"
        "{device} delivered its support files.";
    GW_GET_SUPPORT_FILES_FAILED Warning "Gateway support files failed"
        "{device} could not deliver its support files[: {text}].";
    GW_RECONFIGURED Debug "Gateway configuration repeated"
        "{device} received its configuration again, unchanged." clears CONFIG_FAILED;

    // Firmware, packages and recovery
    GW_ALARM_POE_CONTROLLER_UPGRADE_AVAILABLE Warning "PoE controller upgrade available"
        "A firmware upgrade is available for the PoE controller of {device}.";
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
    GW_RECOVERY_SNAPSHOT_FAILED Warning "Recovery snapshot failed"
        "{device} could not make its recovery snapshot[: {text}]." raises SNAPSHOT_FAILED;
    GW_RECOVERY_SNAPSHOT_NOTNEEDED Info "Recovery snapshot not needed"
        "{device} needs no new recovery snapshot." clears SNAPSHOT_FAILED;
    GW_RECOVERY_SNAPSHOT_SUCCEEDED Info "Recovery snapshot made"
        "{device} made its recovery snapshot." clears SNAPSHOT_FAILED;
    GW_UPGRADED Debug "Gateway upgraded" "{device} was upgraded[ {versions}]."
        clears UPGRADE_FAILED;
    GW_UPGRADE_BY_MIST Info "Gateway upgrade started by Mist"
        "Mist started the upgrade of {device}[ {versions}].";
    GW_UPGRADE_BY_SCHEDULE Debug "Gateway upgrade started by schedule"
        "{device} starts its scheduled upgrade[ {versions}].";
    GW_UPGRADE_BY_USER Debug "Gateway upgrade started by an administrator"
        "An administrator started the upgrade of {device}[ {versions}].";
    GW_UPGRADE_FAILED Warning "Gateway upgrade failed"
        "{device} could not be upgraded[ {versions}|: {text}]." raises UPGRADE_FAILED;
    GW_UPGRADE_IMAGE_UPLOADED Debug "Gateway upgrade: image uploaded"
        "The new image was uploaded to {device}.";
    GW_UPGRADE_PENDING Debug "Gateway upgrade waits for a restart"
        "The upgrade of {device}[ {versions}] waits for a restart.";
    GW_UPGRADE_REBOOTING Info "Gateway upgrade: restart"
        "{device} restarts to finish its upgrade[ {versions}].";
    GW_UPGRADE_SOFTWARE_ADD Debug "Gateway upgrade: image being installed"
        "{device} installs its new image.";
    GW_UPGRADE_SOFTWARE_ADD_RETRY Debug "Gateway upgrade: installation retried"
        "{device} tries again to install its new image.";
    GW_UPGRADE_STORAGE_CLEANUP Debug "Gateway upgrade: storage cleaned up"
        "{device} cleans up its storage before the upgrade.";

    // Chassis
    GW_ALARM Warning "Gateway alarm" "{device} raised [a {alarm_class}|an] alarm[: {text}].";
    GW_ALARM_CHASSIS_FAN Warning "Gateway fan alarm"
        "{device} reports a problem with a fan[: {text}]." raises FAN_ALARM;
    GW_ALARM_CHASSIS_FAN_CLEAR Info "Gateway fan alarm cleared"
        "The fans of {device} work normally again[: {text}]." clears FAN_ALARM;
    GW_ALARM_CHASSIS_HOT Warning "Gateway too hot"
        "{device} is too hot[: {text}]." raises TOO_HOT;
    GW_ALARM_CHASSIS_HOT_CLEAR Info "Gateway temperature normal"
        "The temperature of {device} is normal again[: {text}]." clears TOO_HOT;
    GW_ALARM_CHASSIS_HUMIDITY Warning "Gateway humidity alarm"
        "{device} reports too much humidity[: {text}]." raises TOO_HUMID;
    GW_ALARM_CHASSIS_HUMIDITY_CLEAR Info "Gateway humidity normal"
        "The humidity at {device} is normal again[: {text}]." clears TOO_HUMID;
    GW_ALARM_CHASSIS_MGMT_LINK_DOWN Warning "Gateway management link down"
        "The management link of {device} is down[: {text}]." raises MANAGEMENT_LINK_DOWN;
    GW_ALARM_CHASSIS_MGMT_LINK_DOWN_CLEAR Info "Gateway management link up"
        "The management link of {device} is up again[: {text}]." clears MANAGEMENT_LINK_DOWN;
    GW_ALARM_CHASSIS_PARTITION Warning "Gateway partition nearly full"
        "A storage partition of {device} is nearly full[: {text}]." raises PARTITION_FULL;
    GW_ALARM_CHASSIS_PARTITION_CLEAR Info "Gateway partition usage normal"
        "The storage partitions of {device} have room again[: {text}]." clears PARTITION_FULL;
    GW_ALARM_CHASSIS_PEM Warning "Gateway power entry module alarm"
        "{device} reports a problem with a power entry module[: {text}]." raises POWER_ENTRY_ALARM;
    GW_ALARM_CHASSIS_PEM_CLEAR Info "Gateway power entry module alarm cleared"
        "The power entry modules of {device} work normally again[: {text}]."
        clears POWER_ENTRY_ALARM;
    GW_ALARM_CHASSIS_POE Warning "Gateway PoE alarm"
        "{device} reports a problem with Power over Ethernet[: {text}]." raises POE_ALARM;
    GW_ALARM_CHASSIS_POE_CLEAR Info "Gateway PoE alarm cleared"
        "Power over Ethernet of {device} works normally again[: {text}]." clears POE_ALARM;
    GW_ALARM_CHASSIS_PSU Warning "Gateway power supply alarm"
        "{device} reports a problem with a power supply[: {text}]." raises POWER_SUPPLY_ALARM;
    GW_ALARM_CHASSIS_PSU_CLEAR Info "Gateway power supply alarm cleared"
        "The power supplies of {device} work normally again[: {text}]." clears POWER_SUPPLY_ALARM;
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
    GW_BOUNCE_PORT Info "Gateway port bounced" "[Port {port}|A port] of {device} was bounced.";
    GW_DHCP_POOL_EXHAUSTED Warning "DHCP pool exhausted"
        "A DHCP pool of {device} has no free address[: {text}].";
    GW_DHCP_RESOLVED Debug "DHCP address received"
        "{device} got its address[ on port {port}] by DHCP." clears DHCP_UNRESOLVED "port";
    GW_DHCP_UNRESOLVED Warning "No DHCP address"
        "{device} got no address[ on port {port}] by DHCP." raises DHCP_UNRESOLVED "port";
    GW_PORT_DOWN Info "Gateway port down"
        "[Port {port}|A port] of {device} went down." raises PORT_DOWN "port";
    GW_PORT_UP Info "Gateway port up"
        "[Port {port}|A port] of {device} came up." clears PORT_DOWN "port";

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
    GW_BGP_NEIGHBOR_DOWN Warning "BGP neighbor down"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} went down[: {transition}]."
        raises BGP_NEIGHBOR_DOWN "text:neighbor";
    GW_BGP_NEIGHBOR_STATE_CHANGED Debug "BGP neighbor changed"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} changed its state[ {transition}].";
    GW_BGP_NEIGHBOR_UP Info "BGP neighbor up"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} came up[: {transition}]."
        clears BGP_NEIGHBOR_DOWN "text:neighbor";
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
    GW_OSPF_NEIGHBOR_DOWN Debug "OSPF neighbor down"
        "[OSPF neighbor {neighbor}|An OSPF neighbor] of {device} went down[: {transition}]."
        raises OSPF_NEIGHBOR_DOWN "text:neighbor";
    GW_OSPF_NEIGHBOR_UP Debug "OSPF neighbor up"
        "[OSPF neighbor {neighbor}|An OSPF neighbor] of {device} came up[: {transition}]."
        clears OSPF_NEIGHBOR_DOWN "text:neighbor";
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

    // Zero-touch provisioning
    GW_ZTP_CONF_APPLIED Info "ZTP: configuration applied"
        "{device} applied its configuration during zero-touch provisioning.";
    GW_ZTP_CONF_FAILED Warning "ZTP: configuration failed"
        "{device} could not apply its configuration during zero-touch provisioning[: {text}].";
    GW_ZTP_FAILED Critical "ZTP failed"
        "Zero-touch provisioning of {device} failed[: {text}]." raises PROVISIONING_FAILED;
    GW_ZTP_FINISHED Info "ZTP finished"
        "Zero-touch provisioning of {device} is finished." clears PROVISIONING_FAILED;
    GW_ZTP_POST_SCRIPT_SUCCESS Debug "ZTP: final script done"
        "The final script of zero-touch provisioning succeeded on {device}.";
    GW_ZTP_PRE_SCRIPT_COMPLETE Debug "ZTP: first script done"
        "The first script of zero-touch provisioning is done on {device}.";
    GW_ZTP_PRE_SCRIPT_CONNECTION_FAIL Warning "ZTP: no connection"
        "{device} had no connection during zero-touch provisioning[: {text}].";
    GW_ZTP_PRE_SCRIPT_IMAGE_ADD Debug "ZTP: image being installed"
        "{device} installs its image during zero-touch provisioning.";
    GW_ZTP_PRE_SCRIPT_IMAGE_ADD_FAIL Warning "ZTP: image not installed"
        "{device} could not install its image during zero-touch provisioning[: {text}].";
    GW_ZTP_PRE_SCRIPT_IMAGE_CHECKSUM_COMPLETE Debug "ZTP: image verified"
        "{device} verified the checksum of its image during zero-touch provisioning.";
    GW_ZTP_PRE_SCRIPT_IMAGE_CHECKSUM_ERROR Warning "ZTP: image damaged"
        "The image for zero-touch provisioning of {device} has a wrong checksum[: {text}].";
    GW_ZTP_PRE_SCRIPT_IMAGE_DOWNLOAD_COMPLETE Debug "ZTP: image downloaded"
        "{device} downloaded its image during zero-touch provisioning.";
    GW_ZTP_PRE_SCRIPT_IMAGE_DOWNLOAD_HTTP_ERROR Warning "ZTP: image download failed"
        "{device} could not download its image during zero-touch provisioning[: {text}].";
    GW_ZTP_PRE_SCRIPT_IMAGE_DOWNLOAD_START Debug "ZTP: image download started"
        "{device} downloads its image for zero-touch provisioning.";
    GW_ZTP_PRE_SCRIPT_IMAGE_VERSION_NOT_SUPPORT_JMA Info "ZTP: image without management agent"
        "The image that {device} runs does not support the Juniper management agent[: {text}].";
    GW_ZTP_PRE_SCRIPT_NO_IMAGE_VERSION Warning "ZTP: no image version"
        "No image version is set for the zero-touch provisioning of {device}[: {text}].";
    GW_ZTP_PRE_SCRIPT_REBOOT Debug "ZTP: restart"
        "{device} restarts during zero-touch provisioning.";
    GW_ZTP_STARTED Info "ZTP started" "Zero-touch provisioning of {device} started.";
};
