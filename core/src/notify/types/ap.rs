//! Access points, and the electronic shelf labels (ESL) that they serve.

use super::{Kind, kinds};

pub(in crate::notify) const KINDS: &[Kind] = kinds! {
    // Connection to the cloud
    AP_RESTART_BY_USER Info "AP restarted by an administrator"
        "An administrator restarted {device}.";

    // Configuration
    AP_CONFIGURED Debug "AP configured" "{device} applied a new configuration."
        clears CONFIG_FAILED;
    AP_CONFIG_CHANGED_BY_RRM Debug "AP configuration changed by RRM"
        "Radio resource management changed the configuration of {device}[: {radio_changes}].";
    AP_CONFIG_FAILED Critical "AP configuration failed"
        "{device} could not keep its new configuration and restored the last good one[: {text}]."
        raises CONFIG_FAILED;
    AP_GET_SUPPORT_FILES Debug "AP support files requested"
        "Support files were requested from {device}.";

    // Firmware
    AP_UPGRADED Info "AP upgraded" "{device} was upgraded[ {versions}]." clears UPGRADE_FAILED;
    AP_UPGRADE_FAILED Critical "AP upgrade failed"
        "{device} could not be upgraded[ {versions}|: {text}]." raises UPGRADE_FAILED;

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
