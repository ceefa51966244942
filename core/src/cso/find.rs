//! Finds the objects of CSO by their names, each of which must exist exactly once.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use super::{answer::Named, answer::Segment, request::Association};
use crate::ports::switch_port::{Mode, Switch};
use crate::{api::rejected, base::failure::Failure, cso::Cso, cso::CsoProfile, ports::edit::Edit};

/// The names by which CSO knows a switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub switch: String,
    /// The name of its site.
    pub site: String,
}

impl Names {
    /// From the host name, `switch.site` and perhaps more.
    pub fn of(switch: &Switch) -> Result<Self, Failure> {
        let name = switch.name.as_ref().ok_or_else(|| {
            rejected(format!("the switch {switch} has no name that CSO could know it by"))
        })?;
        let mut parts = name.as_str().split('.');
        match (parts.next(), parts.next()) {
            (Some(switch), Some(site)) => {
                Ok(Self { switch: switch.to_owned(), site: site.to_owned() })
            }
            _ => Err(rejected(format!("{name} names no site; CSO's switches are switch.site"))),
        }
    }
}

/// The switch of this name that is not another site's: it belongs to its site or to the tenant.
pub fn switch<'a>(devices: &'a [Named], tenant: &str, names: &Names) -> Result<&'a Named, Failure> {
    let is_here = |parent: &str| parent == names.site || parent == tenant;
    let is_it = |device: &&Named| {
        device.name() == Some(&names.switch) && device.parent().is_none_or(is_here)
    };
    let what = || format!("switch {} at site {}", names.switch, names.site);
    one(devices.iter().filter(is_it), what)
}

/// The profile for a mode.
pub fn profile<'a>(profiles: &'a [Named], cso: &Cso, mode: Mode) -> Result<&'a Named, Failure> {
    let CsoProfile { profile, .. } = wanted(cso, mode);
    let is_it = |known: &&Named| known.name() == Some(profile);
    one(profiles.iter().filter(is_it), || format!("port profile {profile}"))
}

/// The changes of ports, with the uuids of their profiles and segments.
pub fn associations(
    cso: &Cso,
    names: &Names,
    edits: &[Edit],
    profiles: &[Named],
    segments: &[Segment],
) -> Result<Vec<Association>, Failure> {
    let site = &names.site;
    let of_vlan = |vlan: u16| {
        let is_it = |segment: &&Segment| segment.vlan == Some(vlan.into());
        let what = || format!("LAN segment of VLAN {vlan} at site {site}");
        one(segments.iter().filter(is_it), what).map(|segment| segment.uuid.clone())
    };
    let all = || match segments {
        [] => Err(rejected(format!("CSO has no LAN segment at site {site}"))),
        all => Ok(all.iter().map(|segment| segment.uuid.clone()).collect()),
    };
    let of = |edit: &Edit| {
        let CsoProfile { vlan, native_vlan, .. } = wanted(cso, edit.mode);
        Ok(Association {
            port: edit.port,
            profile: profile(profiles, cso, edit.mode)?.uuid.clone(),
            segments: vlan.map_or_else(all, |vlan| Ok(Vec::from([of_vlan(vlan)?])))?,
            native: native_vlan.map(of_vlan).transpose()?,
        })
    };
    edits.iter().map(of).collect()
}

const fn wanted(cso: &Cso, mode: Mode) -> &CsoProfile {
    match mode {
        Mode::Ap => &cso.ap,
        Mode::Default => &cso.default,
    }
}

/// The only match; an error if there is none, or more than one.
fn one<T>(mut found: impl Iterator<Item = T>, what: impl Fn() -> String) -> Result<T, Failure> {
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(rejected(format!("CSO has no {}", what()))),
        (Some(_), Some(_)) => Err(rejected(format!("CSO has more than one {}", what()))),
    }
}
