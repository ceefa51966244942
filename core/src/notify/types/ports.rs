//! Our own reports about switch ports.

use super::{Kind, kinds};

pub(in crate::notify) const KINDS: &[Kind] = kinds! {
    // Changes
    PORT_CHANGED Info "Switch port changed"
        "[{ports}|A switch port] got [{mode}|another mode][ {whom}][: {because}]."
        clears PORT_CHANGE_FAILED "ports";
    PORT_OBSERVED Info "Switch port would be changed"
        "[{ports}|A switch port] would get [{mode}|another mode][ {whom}][: {because}]. \
         Nothing was changed, because mistgate only observes.";
    PORT_UNCHANGED Debug "Switch port needed no change"
        "[{ports}|A switch port] already had [{mode}|its mode][: {because}]. Nothing was changed."
        clears PORT_CHANGE_FAILED "ports";
    PORT_DRIFTED Warning "Switch port changed by others"
        "[{ports}|A switch port] has [{mode}|its mode] no longer, because somebody else changed it\
         [; {because}].";
    PORT_REFUSED Warning "Switch port change refused"
        "[{ports}|A switch port] did not get [{mode}|another mode][ {whom}][: {because}].[ {next}.]"
        raises PORT_CHANGE_FAILED "ports";
    PORT_RETRYING Warning "Switch port change failed, to be retried"
        "[{ports}|A switch port] did not get [{mode}|another mode][ {whom}][: {because}].[ {next}.]"
        raises PORT_CHANGE_FAILED "ports";
    PORT_UNCONFIRMED Warning "Switch port change unconfirmed"
        "It is not known whether [{ports}|a switch port] got [{mode}|another mode][ {whom}]\
         [: {because}].[ {next}.]" raises PORT_CHANGE_FAILED "ports";
    PORT_STUCK Critical "Switch port change given up"
        "mistgate gave up setting [{ports}|a switch port] to [{mode}|another mode][ {whom}]\
         [: {because}].[ {next}.]" raises PORT_CHANGE_FAILED "ports";

    // Decisions of people
    PORT_ORDERED Info "Switch port change decided by a person"
        "The change of [{ports}|a switch port] to [{mode}|another mode] is \
         [{because}|decided][ by {by}].";

    // Decisions against a change
    PORT_KEPT Info "Switch port kept for a lost AP"
        "[{ap}|An AP] does not answer, and [{ports}|its port] stays as it is[: {because}].";
    PORT_UNDECIDED Info "Switch port undecided"
        "It could not be found out [where {ap} is|what {ports} must be|what a switch port must be]\
         [: {because}]. Nothing was changed.";

    // All ports
    PORTS_BREAKER_CLOSED Info "Switch port changes no longer held"
        "No more APs went at once, so switch ports are changed again." clears PORT_CHANGES_HELD;
    PORTS_BREAKER_OPEN Critical "Switch port changes held"
        "Too many APs went at once, so no switch port is changed[ for {hold}]."
        raises PORT_CHANGES_HELD;
    PORTS_CLOCK_DOUBTED Warning "Switch ports only observed"
        "The clock is not synchronised, so nobody knows whether it is the time of a freeze \
         (ports.freeze). Until it is, changes of switch ports are only reported."
        raises CLOCK_DOUBTED;
    PORTS_CLOCK_TRUSTED Info "Switch ports no longer observed because of the clock"
        "Changes of switch ports no longer wait for a synchronised clock." clears CLOCK_DOUBTED;
    PORTS_OVERFLOW Critical "Too many switch ports"
        "There are more APs and switch ports than mistgate can watch. The rest is not watched.";
    PORTS_RESUMED Info "Switch port changes resumed"
        "Changes of switch ports are no longer stopped." clears PORT_CHANGES_STOPPED;
    PORTS_STOPPED Warning "Switch port changes stopped"
        "All changes of switch ports are stopped (ports.kill_switch)[: {because}]. \
         What was not confirmed yet is undone by its switch." raises PORT_CHANGES_STOPPED;
};
