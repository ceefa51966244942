//! Mist Edge appliances and their tunnel termination service (TT).

use super::{Kind, kinds};

pub(in crate::notify) const KINDS: &[Kind] = kinds! {
    // Connection and configuration
    ME_CONFIGURED Debug "Mist Edge configured" "{device} applied a new configuration.";
    ME_DISCONNECTED Warning "Mist Edge disconnected"
        "{device} lost its connection to the Mist cloud." raises DEVICE_DOWN;
    ME_MISCONFIGURED Warning "Mist Edge misconfigured" "{device} is misconfigured[: {text}].";
    ME_RESTART_BY_USER Info "Mist Edge restarted by an administrator"
        "An administrator restarted {device}.";

    // Hardware
    ME_FAN_PLUGGED Info "Mist Edge fan plugged in"
        "[Fan \"{component}\"|A fan] of {device} was plugged in." clears FAN_UNPLUGGED "component";
    ME_FAN_UNPLUGGED Critical "Mist Edge fan unplugged"
        "[Fan \"{component}\"|A fan] of {device} was unplugged." raises FAN_UNPLUGGED "component";
    ME_POWERINPUT_CONNECTED Info "Mist Edge power connected"
        "[Power supply \"{component}\"|A power supply] of {device} has power again."
        clears POWER_INPUT_LOST "component";
    ME_POWERINPUT_DISCONNECTED Critical "Mist Edge power disconnected"
        "[Power supply \"{component}\"|A power supply] of {device} lost its power input."
        raises POWER_INPUT_LOST "component";
    ME_PSU_PLUGGED Info "Mist Edge power supply plugged in"
        "[Power supply \"{component}\"|A power supply] of {device} was plugged in."
        clears POWER_SUPPLY_UNPLUGGED "component";
    ME_PSU_UNPLUGGED Critical "Mist Edge power supply unplugged"
        "[Power supply \"{component}\"|A power supply] of {device} was unplugged."
        raises POWER_SUPPLY_UNPLUGGED "component";
    // Its text and its pair follow the severity inside of the event; see `describe::device`.
    ME_RESOURCE_USAGE Warning "Mist Edge resource usage"
        "The [{resource}|resource] usage of {device} changed." raises USAGE_HIGH "usage";

    // Packages
    ME_PACKAGE_INSTALLED Info "Mist Edge package installed"
        "[Package \"{package}\"|A package][ {to_version}] was installed on {device}.";
    ME_PACKAGE_INSTALL_FAILED Critical "Mist Edge package not installed"
        "[Package \"{package}\"|A package][ {to_version}] could not be installed on {device}.";
    ME_PACKAGE_UNINSTALLED Debug "Mist Edge package removed"
        "[Package \"{package}\"|A package][ {from_version}] was removed from {device}.";
    ME_PACKAGE_UNINSTALL_FAILED Warning "Mist Edge package not removed"
        "[Package \"{package}\"|A package][ {from_version}] could not be removed from {device}.";
    ME_PACKAGE_UPDATED Info "Mist Edge package updated"
        "[Package \"{package}\"|A package] of {device} was updated[ {versions}].";
    ME_PACKAGE_UPDATE_BY_USER Info "Mist Edge package update started"
        "An administrator updates [package \"{package}\"|a package] of {device}[ {versions}].";
    ME_PACKAGE_UPDATE_FAILED Warning "Mist Edge package not updated"
        "[Package \"{package}\"|A package] of {device} could not be updated[ {versions}].";

    // Services
    ME_SERVICE_CRASHED Critical "Mist Edge service crashed"
        "[Service \"{service}\"|A service] of {device} crashed." raises SERVICE_FAILED "service";
    ME_SERVICE_FAILED Critical "Mist Edge service failed"
        "[Service \"{service}\"|A service] of {device} failed." raises SERVICE_FAILED "service";
    ME_SERVICE_RESTARTED Debug "Mist Edge service restarted"
        "[Service \"{service}\"|A service] of {device} restarted.";
    ME_SERVICE_STARTED Debug "Mist Edge service started"
        "[Service \"{service}\"|A service] of {device} started." clears SERVICE_FAILED "service";
    ME_SERVICE_STOPPED Debug "Mist Edge service stopped"
        "[Service \"{service}\"|A service] of {device} stopped.";

    // Tunnel termination
    TT_AP_DISCONNECTED Info "APs disconnected from a Mist Edge"
        "{device} disconnected the tunnels of [{aps}|APs].";
    TT_AP_DISCONNECT_BY_USER Info "AP disconnection requested"
        "An administrator asked {device} to disconnect the tunnels of [{aps}|APs].";
    TT_AP_DISCONNECT_FAILED Warning "AP disconnection failed"
        "{device} could not disconnect the tunnels of [{aps}|APs].";
    TT_MONITORED_RESOURCE_FAILED Warning "Monitored resource failed"
        "{device} does not reach [the monitored resource {resource}|a monitored resource]."
        raises MONITORED_RESOURCE_FAILED "resource";
    TT_MONITORED_RESOURCE_RECOVERED Info "Monitored resource recovered"
        "{device} reaches [the monitored resource {resource}|a monitored resource] again."
        clears MONITORED_RESOURCE_FAILED "resource";
    TT_PORTS_BOUNCED Info "Mist Edge ports bounced" "{device} bounced [{ports}|ports].";
    TT_PORTS_BOUNCE_BY_USER Info "Mist Edge port bounce requested"
        "An administrator asked {device} to bounce [{ports}|ports].";
    TT_PORTS_BOUNCE_FAILED Warning "Mist Edge port bounce failed"
        "{device} could not bounce [{ports}|ports].";
    TT_PORT_BLOCKED Warning "Mist Edge port blocked"
        "[Port {port}|A port] of {device} is blocked." raises PORT_BLOCKED "port";
    TT_PORT_DROPPED_FROM_LACP Warning "Mist Edge port left its LAG"
        "[Port {port}|A port] of {device} dropped out of [LAG {lag}|its LAG]."
        raises LAG_MEMBER_DOWN "port";
    TT_PORT_FIRST_JOIN_LACP Info "Mist Edge LAG came up"
        "[Port {port}|A port] of {device} is the first to join [LAG {lag}|its LAG]."
        clears LAG_MEMBER_DOWN "port";
    TT_PORT_JOINED_LACP Info "Mist Edge port joined its LAG"
        "[Port {port}|A port] of {device} joined [LAG {lag}|its LAG]."
        clears LAG_MEMBER_DOWN "port";
    TT_PORT_LAST_DROPPED_FROM_LACP Critical "Mist Edge LAG lost its last port"
        "[Port {port}|A port] of {device} was the last to drop out of [LAG {lag}|its LAG]."
        raises LAG_MEMBER_DOWN "port";
    TT_PORT_LINK_DOWN Warning "Mist Edge port down"
        "[Port {port}|A port] of {device} went down." raises PORT_DOWN "port";
    TT_PORT_LINK_RECOVERY Info "Mist Edge port up"
        "[Port {port}|A port] of {device} is up again." clears PORT_DOWN "port";
    TT_PORT_RECOVERY Info "Mist Edge port no longer blocked"
        "[Port {port}|A port] of {device} is no longer blocked." clears PORT_BLOCKED "port";
    TT_TUNNELS_LOST Warning "Mist Edge tunnels lost" "{device} lost its tunnels."
        raises TUNNELS_LOST;
    TT_TUNNELS_UP Info "Mist Edge tunnels up" "The tunnels of {device} are up." clears TUNNELS_LOST;
};
