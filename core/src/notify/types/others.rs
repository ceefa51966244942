//! What is no AP, switch, gateway or Mist Edge: cellular edges, whose alarms have the names of their
//! events in small letters, clients of Marvis, and the cloud's upgrades of whatever device.

use super::{Kind, kinds};

/// Alarms, and events of devices.
pub(in crate::notify) const CELLULAR: &[Kind] = kinds! {
    cellular_edge_connected_to_ncm Info "Cellular edge connected to NetCloud Manager"
        "{device} is connected to NetCloud Manager." clears CELLULAR_UNMANAGED;
    cellular_edge_disconnected_from_ncm Warning "Cellular edge disconnected from NetCloud Manager"
        "{device} lost its connection to NetCloud Manager." raises CELLULAR_UNMANAGED;
    cellular_edge_ethernet_wan_connected Info "Cellular edge Ethernet WAN connected"
        "The Ethernet WAN of {device} is connected." clears CELLULAR_ETHERNET_DOWN;
    cellular_edge_ethernet_wan_disconnected Warning "Cellular edge Ethernet WAN disconnected"
        "The Ethernet WAN of {device} is disconnected." raises CELLULAR_ETHERNET_DOWN;
    cellular_edge_ethernet_wan_plugged Info "Cellular edge Ethernet WAN plugged in"
        "The Ethernet WAN cable of {device} was plugged in." clears CELLULAR_CABLE_UNPLUGGED;
    cellular_edge_ethernet_wan_unplugged Warning "Cellular edge Ethernet WAN unplugged"
        "The Ethernet WAN cable of {device} was unplugged." raises CELLULAR_CABLE_UNPLUGGED;
    cellular_edge_firmware_upgraded Info "Cellular edge upgraded"
        "The firmware of {device} was upgraded.";
    cellular_edge_login_failed Warning "Cellular edge login failed"
        "Somebody failed to log in to {device}.";
    cellular_edge_login_succeeded Info "Cellular edge login" "Somebody logged in to {device}.";
    cellular_edge_modem_wan_connected Info "Cellular edge modem connected"
        "The modem of {device} is connected." clears CELLULAR_MODEM_DOWN;
    cellular_edge_modem_wan_disconnected Warning "Cellular edge modem disconnected"
        "The modem of {device} is disconnected." raises CELLULAR_MODEM_DOWN;
    cellular_edge_modem_wan_plugged Info "Cellular edge modem plugged in"
        "A modem or SIM of {device} was plugged in.";
    cellular_edge_rebooted Info "Cellular edge restarted" "{device} restarted.";
    cellular_edge_sim_door_closed Info "Cellular edge SIM door closed"
        "The SIM door of {device} was closed." clears CELLULAR_SIM_DOOR_OPEN;
    cellular_edge_sim_door_opened Warning "Cellular edge SIM door opened"
        "The SIM door of {device} was opened." raises CELLULAR_SIM_DOOR_OPEN;
    cellular_edge_wan_service_type_changed Debug "Cellular edge service type changed"
        "The WAN of {device} changed its type of service.";
};

/// Events of devices.
pub(in crate::notify) const KINDS: &[Kind] = kinds! {
    MARVISCLIENT_ROAMED Debug "Marvis client roamed" "{device} roamed[: {text}].";
    SYSTEM_UPGRADE_COMPLETED Info "Upgrade completed" "The upgrade of {device} is complete.";
    SYSTEM_UPGRADE_FAILED Critical "Upgrade failed" "The upgrade of {device} failed.";
    SYSTEM_UPGRADE_STARTED Info "Upgrade started" "The upgrade of {device} has started.";
};
