use alloc::{format, vec};

use super::{draft::Content, micronets::Certificate, *};
use crate::{micronets::access::Identity, secret::Secret};

const MWTT: &str = include_str!("../../../tests/vectors/import/mwtt.py");
const MESA: &str = include_str!("../../../tests/vectors/import/mesa.py");
const MESA_SWITCHES: &str = include_str!("../../../tests/vectors/import/mesa_switches.py");
const MESA_CSO: &str = include_str!("../../../tests/vectors/import/mesa_cso.py");

fn source(text: &str) -> Option<Source<'_>> {
    Some(Source { name: "old/config.py", text })
}

fn imported(programs: &Programs<'_>) -> Imported {
    import(programs).unwrap_or_else(|notes| panic!("{notes:?}"))
}

#[test]
fn show() {
    for programs in [
        Programs { mwtt: source(MWTT), mesa: Some(Source { name: "mesa.py", text: MESA }), ..Programs::default() },
        Programs { mesa: source(MESA_SWITCHES), ..Programs::default() },
        Programs { mesa: source(MESA_CSO), ..Programs::default() },
    ] {
        let Imported { toml, files, notes } = imported(&programs);
        std::println!("{toml}\n{files:?}\n");
        for note in notes {
            std::println!("{note}");
        }
    }
    let identity = |key| Identity { organisations: vec!["Micronets".into()], common_names: vec![], alt_names: vec![], key };
    let _ = (identity([0; 32]), Certificate { path: "".into(), pem: Secret::new(""), has_key: false, identity: identity([0; 32]) }, format!(""), Content::New);
}
