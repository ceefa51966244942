//! The conditions that events raise and clear, shared by all topics.

/// What can be wrong with a device, a part of it, or a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// In `snake_case`, as it is printed and stored.
    pub name: &'static str,
    /// How the subjects are while it lasts, such as `down`.
    pub state: &'static str,
    /// How they are when it is over, such as `back`.
    pub over: &'static str,
    /// What they are in the singular, such as `port`. `None` for devices, which have a class.
    pub noun: Option<&'static str>,
}

/// The name of [`Condition::DEVICE_DOWN`], of which the links between devices ask.
pub const DEVICE_DOWN: &str = Condition::DEVICE_DOWN.name;

/// The table, in rows of `NAME name "state" "over" "noun";`, without the noun for devices.
macro_rules! conditions {
    ($($ident:ident $name:ident $state:literal $over:literal $($noun:literal)?;)*) => {
        /// Their names are their docs.
        #[allow(missing_docs)]
        impl Condition {
            $(pub const $ident: Self = Self {
                name: stringify!($name),
                state: $state,
                over: $over,
                noun: [$($noun)?].first().copied(),
            };)*

            /// Every row, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$ident),*];
        }
    };
}

conditions! {
    // Devices
    CLUSTER_LINK_DOWN cluster_link_down "with the cluster's control link down" "with the cluster's control link up";
    CONDUCTOR_LOST conductor_lost "cut off from the conductor" "connected to the conductor";
    CONFIG_FAILED config_failed "not configured" "configured";
    CPU_SENSOR_FAILED cpu_sensor_failed "with a failed CPU board sensor" "with working CPU board sensors";
    DEVICE_DOWN device_down "down" "back";
    ESL_HUNG esl_hung "with a hanging ESL service" "with a working ESL service";
    FAN_ALARM fan_alarm "with a fan alarm" "with working fans";
    FAN_UNPLUGGED fan_unplugged "unplugged" "plugged in" "fan";
    FORWARDING_TABLE_FULL forwarding_table_full "with too large a forwarding table" "with a forwarding table of normal size";
    IOT_ALARM iot_alarm "with an IoT alarm" "without the IoT alarm";
    LINE_CARD_OFF line_card_off "off" "on" "line card";
    MANAGEMENT_LINK_DOWN management_link_down "with the management link down" "with the management link up";
    PARTITION_FULL partition_full "with a nearly full partition" "with room in the partitions";
    POE_ALARM poe_alarm "with a PoE alarm" "with working PoE";
    POWER_ENTRY_ALARM power_entry_alarm "with a power entry module alarm" "with working power entry modules";
    POWER_INPUT_LOST power_input_lost "lost" "back" "power input";
    POWER_SUPPLY_ALARM power_supply_alarm "with a power supply alarm" "with working power supplies";
    POWER_SUPPLY_UNPLUGGED power_supply_unplugged "unplugged" "plugged in" "power supply";
    REDUNDANCY_HEALTH_LOW redundancy_health_low "unhealthy" "healthy" "redundancy group";
    SERVICE_FAILED service_failed "not running" "running" "service";
    TOO_HOT too_hot "too hot" "at a normal temperature";
    TOO_HUMID too_humid "too humid" "at a normal humidity";
    TOO_MANY_FLOWS too_many_flows "with too many flows" "with a normal number of flows";
    TOO_WARM too_warm "too warm" "no longer too warm";
    USAGE_HIGH usage_high "in high use" "in normal use" "resource";
    VC_IN_TRANSITION vc_in_transition "with a changing virtual chassis" "with a stable virtual chassis";
    VC_VERSIONS_DIFFER vc_versions_differ "with different versions in the virtual chassis" "with one version in the virtual chassis";

    // Firmware and provisioning
    APPLICATION_SIGNATURES_FAILED application_signatures_failed "without new application signatures" "with new application signatures";
    INTRUSION_SIGNATURES_FAILED intrusion_signatures_failed "without new intrusion signatures" "with new intrusion signatures";
    PROVISIONING_FAILED provisioning_failed "not provisioned" "provisioned";
    SNAPSHOT_FAILED snapshot_failed "without a recovery snapshot" "with a recovery snapshot";
    UPGRADE_FAILED upgrade_failed "not upgraded" "upgraded";

    // Ports
    ARP_UNRESOLVED arp_unresolved "without ARP answers" "with ARP answers" "port";
    BPDU_BLOCKED bpdu_blocked "blocked by a BPDU" "no longer blocked by a BPDU" "port";
    DHCP_UNRESOLVED dhcp_unresolved "without a DHCP address" "with a DHCP address" "port";
    LACP_TIMEOUT lacp_timeout "without LACP" "with LACP" "port";
    LAG_MEMBER_DOWN lag_member_down "out of the LAG" "back in the LAG" "port";
    LOOP_DETECTED loop_detected "with a loop" "without a loop";
    MAC_LEARNING_STOPPED mac_learning_stopped "not learning MAC addresses" "learning MAC addresses";
    MAC_LIMIT_EXCEEDED mac_limit_exceeded "over the MAC limit" "within the MAC limit" "port";
    PORT_BLOCKED port_blocked "blocked" "no longer blocked" "port";
    PORT_DOWN port_down "down" "up" "port";
    VC_PORT_DOWN vc_port_down "down" "up" "virtual chassis port";

    // Routing, overlay and tunnels
    BFD_SESSION_DOWN bfd_session_down "with a BFD session down" "with the BFD session up";
    BGP_NEIGHBOR_DOWN bgp_neighbor_down "down" "up" "BGP neighbor";
    EVPN_CORE_ISOLATED evpn_core_isolated "cut off from the EVPN core" "back in the EVPN core";
    MONITORED_RESOURCE_FAILED monitored_resource_failed "unreachable" "reachable" "monitored resource";
    OSPF_NEIGHBOR_DOWN ospf_neighbor_down "down" "up" "OSPF neighbor";
    TUNNEL_DOWN tunnel_down "down" "up" "tunnel";
    TUNNELS_LOST tunnels_lost "without tunnels" "with tunnels";
    VPN_PATH_DOWN vpn_path_down "down" "up" "VPN path";
    VPN_PEER_DOWN vpn_peer_down "down" "up" "VPN peer";

    // Services that clients need, and protection
    CLIENTS_WITHOUT_ARP clients_without_arp "with clients that get no ARP answers" "with ARP answers for clients" "VLAN";
    CLIENTS_WITHOUT_DHCP clients_without_dhcp "with clients that get no addresses by DHCP" "with addresses by DHCP for clients" "VLAN";
    CLIENTS_WITHOUT_DNS clients_without_dns "with clients that get no DNS answers" "with DNS answers for clients" "VLAN";
    DDOS_LIMIT_EXCEEDED ddos_limit_exceeded "over the DDoS limit" "within the DDoS limit" "protocol";
    MARVIS_FINDING marvis_finding "open" "resolved" "Marvis finding";
    RADSEC_FAILED radsec_failed "without RadSec" "with RadSec";

    // Cellular edges
    CELLULAR_CABLE_UNPLUGGED cellular_cable_unplugged "with the Ethernet WAN unplugged" "with the Ethernet WAN plugged in";
    CELLULAR_ETHERNET_DOWN cellular_ethernet_down "with the Ethernet WAN disconnected" "with the Ethernet WAN connected";
    CELLULAR_MODEM_DOWN cellular_modem_down "with the modem disconnected" "with the modem connected";
    CELLULAR_SIM_DOOR_OPEN cellular_sim_door_open "with the SIM door open" "with the SIM door closed";
    CELLULAR_UNMANAGED cellular_unmanaged "cut off from NetCloud Manager" "connected to NetCloud Manager";

    // Our own reports
    CLOCK_DOUBTED clock_doubted "with a doubted clock" "with a trusted clock";
    DESTINATION_PARKED destination_parked "stopped" "working" "destination";
    MIST_DELIVERY_FAILED mist_delivery_failed "out of reach for Mist" "within reach for Mist";
    MIST_EVENTS_MISSING mist_events_missing "without device events from Mist" "with device events from Mist";
    MIST_TOKEN_REFUSED mist_token_refused "with a token that Mist refuses" "with a token that Mist takes";
    MIST_WEBHOOK_WRONG mist_webhook_wrong "with a wrong webhook in Mist" "with the right webhook in Mist";
    PORT_CHANGE_FAILED port_change_failed "not set" "set" "port";
    PORT_CHANGES_HELD port_changes_held "with changes of switch ports held" "with changes of switch ports no longer held";
    PORT_CHANGES_STOPPED port_changes_stopped "with changes of switch ports stopped" "with changes of switch ports resumed";
    SELFTEST_FAILED selftest_failed "failing the selftest" "passing the selftest";
}
