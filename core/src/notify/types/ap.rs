//! Access points, and the electronic shelf labels (ESL) that they serve.

use super::{Kind, kinds};

pub(in crate::notify) const KINDS: &[Kind] = kinds! {
    // Inventory
    AP_ASSIGNED Info "AP assigned to a site" "{bare} was assigned to [{site}|a site].";
    AP_CLAIMED Warning "AP claimed" "{bare} was claimed by the organization.";
    AP_UNASSIGNED Info "AP removed from its site" "{bare} was removed from [{site}|its site].";
    AP_UNCLAIMED Warning "AP unclaimed" "{bare} was removed from the organization.";

    // Connection to the cloud
    AP_CONNECTED Info "AP connected"
        "{device} is connected to the Mist cloud." clears DEVICE_DOWN;
    AP_DISCONNECTED Info "AP disconnected"
        "{device} lost its connection to the Mist cloud." raises DEVICE_DOWN;
    AP_DISCONNECTED_LONG Warning "AP disconnected for a long time"
        "{device} has been disconnected from the Mist cloud for a long time." raises DEVICE_DOWN;
    AP_RESTARTED Info "AP restarted" "{device} restarted.";
    AP_RESTART_BY_USER Info "AP restarted by an administrator"
        "An administrator restarted {device}.";

    // Configuration
    AP_CERT_REGENERATED Debug "AP certificate renewed" "{device} got a new certificate and key.";
    AP_CONFIGURED Debug "AP configured" "{device} applied a new configuration."
        clears CONFIG_FAILED;
    AP_CONFIG_CHANGED_BY_RRM Debug "AP configuration changed by RRM"
        "Radio resource management changed the configuration of {device}.";
    AP_CONFIG_CHANGED_BY_USER Info "AP configuration changed"
        "An administrator changed the configuration of {device}.";
    AP_CONFIG_FAILED Critical "AP configuration failed"
        "{device} could not keep its new configuration and restored the last good one[: {text}]."
        raises CONFIG_FAILED;
    AP_GET_SUPPORT_FILES Debug "AP support files requested"
        "Support files were requested from {device}.";
    AP_RECONFIGURED Debug "AP configuration repeated"
        "{device} received its configuration again, unchanged." clears CONFIG_FAILED;

    // Firmware
    AP_UPGRADED Info "AP upgraded" "{device} was upgraded[ {versions}]." clears UPGRADE_FAILED;
    AP_UPGRADE_BY_SCHEDULE Debug "AP upgrade started by schedule"
        "{device} starts its scheduled upgrade[ {versions}].";
    AP_UPGRADE_BY_USER Debug "AP upgrade started by an administrator"
        "An administrator started the upgrade of {device}[ {versions}].";
    AP_UPGRADE_FAILED Critical "AP upgrade failed"
        "{device} could not be upgraded[ {versions}|: {text}]." raises UPGRADE_FAILED;

    // Ports
    AP_PORT_DOWN Info "AP port down"
        "[Port {port}|A port] of {device} went down." raises PORT_DOWN "port";
    AP_PORT_UP Info "AP port up"
        "[Port {port}|A port] of {device} came up." clears PORT_DOWN "port";

    // Radio
    1026 Debug "AP radio optimization" "Radio resource management looked at {device}.";
    AP_BEACON_STUCK Critical "AP radio stopped sending beacons"
        "[The {band} radio|A radio] of {device} stopped sending beacons[ ({occurrences})].";
    AP_RADAR_DETECTED Info "Radar detected"
        "{device} detected radar and moved [from channel {pre_channel} to {channel}|elsewhere].";
    AP_RRM_ACTION Debug "AP radio adjusted"
        "Radio management adjusted [the {band} radio|a radio] of {device}[: {radio_changes}].";

    // RADIUS
    AP_RADIUS_ACCOUNTING_SERVER_CHANGE Info "RADIUS accounting server changed"
        "{device} changed its RADIUS accounting server[ {server_change}][, SSID \"{ssid}\"].";
    AP_RADIUS_AUTHENTICATION_SERVER_CHANGE Info "RADIUS authentication server changed"
        "{device} changed its RADIUS authentication server[ {server_change}][, SSID \"{ssid}\"].";
    AP_RADSEC_FAILURE Critical "RadSec failed"
        "{device} cannot reach its RadSec server[: {text}]." raises RADSEC_FAILED;
    AP_RADSEC_RECOVERY Info "RadSec recovered"
        "{device} reaches its RadSec server again[: {text}]." clears RADSEC_FAILED;
    AP_RADSEC_SERVER_CHANGE Info "RadSec server changed"
        "{device} changed its RadSec server[ {server_change}| to {server}|: {text}].";

    // Electronic shelf labels
    ESL_HUNG Warning "ESL service hangs"
        "The electronic shelf label service of {device} hangs." raises ESL_HUNG;
    ESL_QESL_STOPPED Warning "ESL service stopped (QESL)"
        "The electronic shelf label process QESL of {device} stopped.";
    ESL_QSCD_STOPPED Warning "ESL service stopped (QSCD)"
        "The electronic shelf label process QSCD of {device} stopped.";
    ESL_RECOVERED Info "ESL service recovered"
        "The electronic shelf label service of {device} works again." clears ESL_HUNG;
    ESL_STARTED Info "ESL service started"
        "The electronic shelf label service of {device} started.";
};
