//! What devices of several classes tell in the same words.

use super::{Kind, kinds};

/// Events of all classes.
pub(in crate::notify) const OF_ALL: [&[Kind]; 4] = kinds! {
    for "AP_" "AP", "SW_" "Switch", "GW_" "Gateway", "ME_" "Mist Edge":
    // Inventory
    ASSIGNED Info ["assigned to a site"] "{bare} was assigned to [{site}|a site].";
    CLAIMED Warning ["claimed"] "{bare} was claimed by the organization.";
    UNASSIGNED Info ["removed from its site"] "{bare} was removed from [{site}|its site].";
    UNCLAIMED Warning ["unclaimed"] "{bare} was removed from the organization.";

    // Connection to the cloud
    CONNECTED Info ["connected"] "{device} is connected to the Mist cloud." clears DEVICE_DOWN;
    RESTARTED Info ["restarted"] "{device} restarted.";

    // Configuration
    CONFIG_CHANGED_BY_USER Info ["configuration changed"]
        "An administrator changed the configuration of {device}.";
};

/// Events of access points and gateways.
pub(in crate::notify) const OF_APS_AND_GATEWAYS: [&[Kind]; 2] = kinds! {
    for "AP_" "AP", "GW_" "Gateway":
    // Connection to the cloud
    DISCONNECTED_LONG Warning ["disconnected for a long time"]
        "{device} has been disconnected from the Mist cloud for a long time." raises DEVICE_DOWN;

    // Configuration
    CERT_REGENERATED Debug ["certificate renewed"] "{device} got a new certificate and key.";

    // Firmware
    UPGRADE_BY_SCHEDULE Debug ["upgrade started by schedule"]
        "{device} starts its scheduled upgrade[ {versions}].";

    // Ports
    PORT_DOWN Info ["port down"]
        "[Port {port}|A port] of {device} went down." raises PORT_DOWN "port";
    PORT_UP Info ["port up"] "[Port {port}|A port] of {device} came up." clears PORT_DOWN "port";
};

/// Events of all but Mist Edges.
pub(in crate::notify) const OF_MOST: [&[Kind]; 3] = kinds! {
    for "AP_" "AP", "SW_" "Switch", "GW_" "Gateway":
    // Connection to the cloud
    DISCONNECTED Info ["disconnected"]
        "{device} lost its connection to the Mist cloud." raises DEVICE_DOWN;

    // Configuration
    RECONFIGURED Debug ["configuration repeated"]
        "{device} received its configuration again, unchanged." clears CONFIG_FAILED;

    // Firmware
    UPGRADE_BY_USER Debug ["upgrade started by an administrator"]
        "An administrator started the upgrade of {device}[ {versions}].";
};

/// Events of switches and gateways, both of which run Junos.
pub(in crate::notify) const OF_JUNOS: [&[Kind]; 2] = kinds! {
    for "SW_" "Switch", "GW_" "Gateway":
    // Connection to the cloud
    REJECTED Critical ["refused the cloud's login"]
        "{device} refused the SSH login of the Mist cloud[: {text}].";
    RESTARTED_BY_USER Info ["restarted by an administrator"] "An administrator restarted {device}.";
    SYSTEM_SERVICE_RESTART Warning ["service restarted"]
        "A system service of {device} restarted[: {text}].";

    // Configuration
    CONFIGURED Debug ["configured"] "{device} committed its configuration." clears CONFIG_FAILED;
    CONFIG_ERROR_ADDTL_COMMAND Warning ["CLI commands failed"]
        "{device} refused the additional CLI commands of its configuration[: {text}]."
        raises CONFIG_FAILED;
    CONFIG_FAILED Warning ["configuration failed"]
        "{device} could not apply its configuration[: {text}]." raises CONFIG_FAILED;
    CONFIG_GENERATED Debug ["configuration generated"]
        "The Mist cloud generated a configuration for {device}.";
    CONFIG_LOCK_FAILED Warning ["configuration lock failed"]
        "The Mist cloud could not lock the configuration of {device}[: {text}]."
        raises CONFIG_FAILED;
    CONFIG_REVERTED Critical ["went back to an older configuration"]
        "{device} took back a change of its configuration[: {text}]." raises CONFIG_FAILED;

    // Firmware and recovery
    ALARM_POE_CONTROLLER_UPGRADE_AVAILABLE Warning "PoE controller upgrade available"
        "A firmware upgrade is available for the PoE controller of {device}.";
    RECOVERY_SNAPSHOT_FAILED Warning "Recovery snapshot failed"
        "{device} could not make its recovery snapshot[: {text}]." raises SNAPSHOT_FAILED;
    RECOVERY_SNAPSHOT_SUCCEEDED Info "Recovery snapshot made"
        "{device} made its recovery snapshot." clears SNAPSHOT_FAILED;
    UPGRADED Debug ["upgraded"] "{device} was upgraded[ {versions}]." clears UPGRADE_FAILED;
    UPGRADE_PENDING Debug ["upgrade waits for a restart"]
        "The upgrade of {device}[ {versions}] waits for a restart.";

    // Chassis
    ALARM Warning ["alarm"] "{device} raised [a {alarm_class}|an] alarm[: {text}].";
    ALARM_CHASSIS_FAN Warning ["fan alarm"]
        "{device} reports a problem with a fan[: {text}]." raises FAN_ALARM;
    ALARM_CHASSIS_FAN_CLEAR Info ["fan alarm cleared"]
        "The fans of {device} work normally again[: {text}]." clears FAN_ALARM;
    ALARM_CHASSIS_HOT Warning ["too hot"] "{device} is too hot[: {text}]." raises TOO_HOT;
    ALARM_CHASSIS_HOT_CLEAR Info ["temperature normal"]
        "The temperature of {device} is normal again[: {text}]." clears TOO_HOT;
    ALARM_CHASSIS_HUMIDITY Warning ["humidity alarm"]
        "{device} reports too much humidity[: {text}]." raises TOO_HUMID;
    ALARM_CHASSIS_HUMIDITY_CLEAR Info ["humidity normal"]
        "The humidity at {device} is normal again[: {text}]." clears TOO_HUMID;
    ALARM_CHASSIS_MGMT_LINK_DOWN Warning ["management link down"]
        "The management link of {device} is down[: {text}]." raises MANAGEMENT_LINK_DOWN;
    ALARM_CHASSIS_MGMT_LINK_DOWN_CLEAR Info ["management link up"]
        "The management link of {device} is up again[: {text}]." clears MANAGEMENT_LINK_DOWN;
    ALARM_CHASSIS_PARTITION Warning ["partition nearly full"]
        "A storage partition of {device} is nearly full[: {text}]." raises PARTITION_FULL;
    ALARM_CHASSIS_PARTITION_CLEAR Info ["partition usage normal"]
        "The storage partitions of {device} have room again[: {text}]." clears PARTITION_FULL;
    ALARM_CHASSIS_PEM Warning ["power entry module alarm"]
        "{device} reports a problem with a power entry module[: {text}]." raises POWER_ENTRY_ALARM;
    ALARM_CHASSIS_PEM_CLEAR Info ["power entry module alarm cleared"]
        "The power entry modules of {device} work normally again[: {text}]."
        clears POWER_ENTRY_ALARM;
    ALARM_CHASSIS_POE Warning ["PoE alarm"]
        "{device} reports a problem with Power over Ethernet[: {text}]." raises POE_ALARM;
    ALARM_CHASSIS_POE_CLEAR Info ["PoE alarm cleared"]
        "Power over Ethernet of {device} works normally again[: {text}]." clears POE_ALARM;
    ALARM_CHASSIS_PSU Warning ["power supply alarm"]
        "{device} reports a problem with a power supply[: {text}]." raises POWER_SUPPLY_ALARM;
    ALARM_CHASSIS_PSU_CLEAR Info ["power supply alarm cleared"]
        "The power supplies of {device} work normally again[: {text}]." clears POWER_SUPPLY_ALARM;

    // Ports
    BOUNCE_PORT Info ["port bounced"] "[Port {port}|A port] of {device} was bounced.";

    // Routing and overlay
    BGP_NEIGHBOR_DOWN Warning "BGP neighbor down"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} went down[: {transition}]."
        raises BGP_NEIGHBOR_DOWN "text:neighbor";
    BGP_NEIGHBOR_STATE_CHANGED Debug "BGP neighbor changed"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} changed its state[ {transition}].";
    BGP_NEIGHBOR_UP Info "BGP neighbor up"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} came up[: {transition}]."
        clears BGP_NEIGHBOR_DOWN "text:neighbor";
    OSPF_NEIGHBOR_DOWN Debug "OSPF neighbor down"
        "[OSPF neighbor {neighbor}|An OSPF neighbor] of {device} went down[: {transition}]."
        raises OSPF_NEIGHBOR_DOWN "text:neighbor";
    OSPF_NEIGHBOR_UP Debug "OSPF neighbor up"
        "[OSPF neighbor {neighbor}|An OSPF neighbor] of {device} came up[: {transition}]."
        clears OSPF_NEIGHBOR_DOWN "text:neighbor";

    // Clients and protection
    DHCP_POOL_EXHAUSTED Warning "DHCP pool exhausted"
        "A DHCP pool of {device} has no free address[: {text}].";

    // Zero-touch provisioning
    ZTP_CONF_APPLIED Info "ZTP: configuration applied"
        "{device} applied its configuration during zero-touch provisioning.";
    ZTP_CONF_FAILED Warning "ZTP: configuration failed"
        "{device} could not apply its configuration during zero-touch provisioning[: {text}].";
    ZTP_FAILED Critical "ZTP failed"
        "Zero-touch provisioning of {device} failed[: {text}]." raises PROVISIONING_FAILED;
    ZTP_FINISHED Info "ZTP finished"
        "Zero-touch provisioning of {device} is finished." clears PROVISIONING_FAILED;
    ZTP_POST_SCRIPT_SUCCESS Debug "ZTP: final script done"
        "The final script of zero-touch provisioning succeeded on {device}.";
    ZTP_PRE_SCRIPT_COMPLETE Debug "ZTP: first script done"
        "The first script of zero-touch provisioning is done on {device}.";
    ZTP_PRE_SCRIPT_CONNECTION_FAIL Warning "ZTP: no connection"
        "{device} had no connection during zero-touch provisioning[: {text}].";
    ZTP_PRE_SCRIPT_IMAGE_ADD Debug "ZTP: image being installed"
        "{device} installs its image during zero-touch provisioning.";
    ZTP_PRE_SCRIPT_IMAGE_ADD_FAIL Warning "ZTP: image not installed"
        "{device} could not install its image during zero-touch provisioning[: {text}].";
    ZTP_PRE_SCRIPT_IMAGE_CHECKSUM_COMPLETE Debug "ZTP: image verified"
        "{device} verified the checksum of its image during zero-touch provisioning.";
    ZTP_PRE_SCRIPT_IMAGE_CHECKSUM_ERROR Warning "ZTP: image damaged"
        "The image for zero-touch provisioning of {device} has a wrong checksum[: {text}].";
    ZTP_PRE_SCRIPT_IMAGE_DOWNLOAD_COMPLETE Debug "ZTP: image downloaded"
        "{device} downloaded its image during zero-touch provisioning.";
    ZTP_PRE_SCRIPT_IMAGE_DOWNLOAD_HTTP_ERROR Warning "ZTP: image download failed"
        "{device} could not download its image during zero-touch provisioning[: {text}].";
    ZTP_PRE_SCRIPT_IMAGE_DOWNLOAD_START Debug "ZTP: image download started"
        "{device} downloads its image for zero-touch provisioning.";
    ZTP_PRE_SCRIPT_IMAGE_VERSION_NOT_SUPPORT_JMA Info "ZTP: image without management agent"
        "The image that {device} runs does not support the Juniper management agent[: {text}].";
    ZTP_PRE_SCRIPT_NO_IMAGE_VERSION Warning "ZTP: no image version"
        "No image version is set for the zero-touch provisioning of {device}[: {text}].";
    ZTP_PRE_SCRIPT_REBOOT Debug "ZTP: restart" "{device} restarts during zero-touch provisioning.";
    ZTP_STARTED Info "ZTP started" "Zero-touch provisioning of {device} started.";
};

/// Alarms of all but Mist Edges.
pub(in crate::notify) const ALARMS: [&[Kind]; 3] = kinds! {
    for "device_" "AP", "gateway_" "Gateway", "switch_" "Switch":
    down Warning ["offline"] "{device} went offline." raises DEVICE_DOWN;
    reconnected Info ["reconnected"] "{device} reconnected." clears DEVICE_DOWN;
    restarted Info ["restarted"] "{device} restarted.";
};

/// Alarms of switches and gateways.
pub(in crate::notify) const ALARMS_OF_JUNOS: [&[Kind]; 2] = kinds! {
    for "sw_" "Switch", "gw_" "Gateway":
    alarm_chassis_fan Warning ["fan alarm"]
        "{device} reported a problem with a fan." raises FAN_ALARM;
    alarm_chassis_fan_clear Info ["fan alarm cleared"]
        "The fans of {device} work normally again." clears FAN_ALARM;
    alarm_chassis_hot Warning ["too hot"] "The temperature of {device} is too high." raises TOO_HOT;
    alarm_chassis_hot_clear Info ["temperature normal"]
        "The temperature of {device} is normal again." clears TOO_HOT;
    alarm_chassis_humidity Warning ["humidity alarm"]
        "{device} reported too much humidity." raises TOO_HUMID;
    alarm_chassis_humidity_clear Info ["humidity normal"]
        "The humidity at {device} is normal again." clears TOO_HUMID;
    alarm_chassis_mgmt_link_down Warning ["management link down"]
        "The management link of {device} is down." raises MANAGEMENT_LINK_DOWN;
    alarm_chassis_mgmt_link_down_clear Info ["management link up"]
        "The management link of {device} is up again." clears MANAGEMENT_LINK_DOWN;
    alarm_chassis_partition Warning ["partition nearly full"]
        "A storage partition of {device} is nearly full." raises PARTITION_FULL;
    alarm_chassis_partition_clear Info ["partition usage normal"]
        "The storage partitions of {device} have room again." clears PARTITION_FULL;
    alarm_chassis_pem Warning ["power entry module alarm"]
        "{device} reported a problem with a power entry module." raises POWER_ENTRY_ALARM;
    alarm_chassis_pem_clear Info ["power entry module alarm cleared"]
        "The power entry modules of {device} work normally again." clears POWER_ENTRY_ALARM;
    alarm_chassis_poe Warning ["PoE alarm"]
        "{device} reported a problem with Power over Ethernet." raises POE_ALARM;
    alarm_chassis_poe_clear Info ["PoE alarm cleared"]
        "Power over Ethernet of {device} works normally again." clears POE_ALARM;
    alarm_chassis_psu Warning ["power supply alarm"]
        "{device} reported a problem with a power supply." raises POWER_SUPPLY_ALARM;
    alarm_chassis_psu_clear Info ["power supply alarm cleared"]
        "The power supplies of {device} work normally again." clears POWER_SUPPLY_ALARM;
    bgp_neighbor_down Warning "BGP neighbor down"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} went down."
        raises BGP_NEIGHBOR_DOWN "text:neighbor";
    bgp_neighbor_up Info "BGP neighbor up"
        "[BGP neighbor {neighbor}|A BGP neighbor] of {device} came up."
        clears BGP_NEIGHBOR_DOWN "text:neighbor";
    dhcp_pool_exhausted Warning "DHCP pool exhausted"
        "A DHCP pool of {device} has no free address.";

    // Marvis
    mtu_mismatch Critical "MTU mismatch"
        "Marvis found different MTUs at {entities}." raises MARVIS_FINDING "finding";
};
