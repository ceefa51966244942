//! Our own reports about chat destinations, sent through those that still work, about the way from
//! Mist to us, about the store, and about
//! an upgrade.

use super::{Kind, kinds};

pub(in crate::notify) const KINDS: &[Kind] = kinds! {
    CERTIFICATE_ENDS Warning "Certificate ends soon"
        "What is in [{file}|a file of certificates] ends soon, or is to be renewed[: {reason}].";
    DESTINATION_PARKED Critical "Chat destination stopped"
        "Sending to [{destination}|a destination] stopped[: {reason}].[ {waiting} there.]"
        raises DESTINATION_PARKED "destination";
    DESTINATION_RESUMED Info "Chat destination resumed"
        "Sending to [{destination}|a destination] works again[: {reason}].[ {waiting} there.]"
        clears DESTINATION_PARKED "destination";
    EVENTS_DROPPED Critical "Events given up"
        "Events for [{destination}|a destination] were given up[: {reason}].[ {waiting} there.] \
         What is given up is kept as dead letters, as far as there is room.";
    MIST_DELIVERY_FAILED Critical "Mist fails to reach us"
        "Mist cannot deliver webhooks to mistgate[: {reason}]. Once an hour is fetched what it could \
         not deliver." raises MIST_DELIVERY_FAILED;
    MIST_DELIVERY_WORKS Info "Mist reaches us again"
        "Webhooks from Mist arrive again." clears MIST_DELIVERY_FAILED;
    MIST_EVENTS_ARRIVE Info "Device events arrive again"
        "Mist sends events of devices again." clears MIST_EVENTS_MISSING;
    MIST_EVENTS_MISSING Critical "Device events do not arrive"
        "Mist lists events of devices that it did not send[: {reason}]. Once an hour those of \
         access points are fetched." raises MIST_EVENTS_MISSING;
    MIST_TOKEN_ACCEPTED Info "Mist takes the token again"
        "Mist's API takes the token again." clears MIST_TOKEN_REFUSED;
    MIST_TOKEN_REFUSED Critical "Mist refuses the token"
        "Mist's API does not take the token of the configuration, or not for all that it is \
         for[: {reason}]." raises MIST_TOKEN_REFUSED;
    MIST_WEBHOOK_RIGHT Info "Webhook in Mist right again"
        "The webhook in Mist is again as the configuration wants it." clears MIST_WEBHOOK_WRONG;
    MIST_WEBHOOK_WRONG Critical "Webhook in Mist is wrong"
        "The webhook in Mist is not as the configuration wants it[: {reason}]."
        raises MIST_WEBHOOK_WRONG;
    NEW_VERSION_FAILED Critical "New version failed"
        "Version [{to_version}|unknown] of mistgate did not work[: {reason}]. The previous version \
         runs until the next installation.";
    NEW_VERSION_WORKS Info "New version works"
        "Version [{to_version}|unknown] of mistgate has been ready for a minute and stays.";
    SELFTEST_FAILED Critical "Selftest failed"
        "A test of the whole way from Mist to the chats failed[: {reason}]." raises SELFTEST_FAILED;
    SELFTEST_PASSED Info "Selftest passed"
        "A test of the whole way from Mist to the chats passed." clears SELFTEST_FAILED;
    STORE_SET_ASIDE Critical "Store set aside"
        "The store was damaged and is set aside[ as {file}][: {reason}]. What waited in it is not \
         delivered. Switch ports are not changed until somebody lets that go on \
         (ports.kill_switch).";
};
