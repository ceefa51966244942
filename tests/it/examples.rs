//! The configurations that we hand out have no problems.

use std::{fs, path::Path};

use mistgate_core::config::{
    files::{FileKind, Files},
    raw::{Draft, Source},
};

const PEM: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n\
                   -----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n\
                   -----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n";

/// What the files of the examples would hold.
fn content(key: &str, kind: FileKind) -> String {
    let url = |rest: &str| format!("https://{rest}\n");
    match kind {
        FileKind::Certificates | FileKind::PrivateKey | FileKind::RevocationLists => PEM.to_owned(),
        FileKind::Secret if key.contains("slack") => url("hooks.slack.com/services/T/B/X"),
        FileKind::Secret if key.contains("google") => {
            url("chat.googleapis.com/v1/spaces/S/messages?key=K&token=T")
        }
        FileKind::Secret if key.contains("teams") => {
            url("x.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/W/\
             triggers/manual/paths/invoke?api-version=1&sp=S&sv=1.0&sig=S")
        }
        FileKind::Secret => "a secret of some length\n".to_owned(),
    }
}

#[test]
fn the_examples_have_no_problems() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../appliance/examples");
    let mut examples = 0;
    for entry in fs::read_dir(folder).expect("the examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path.display().to_string();
        let text = fs::read_to_string(&path).expect("UTF-8");
        let draft = Draft::parse(Source { name: &name, text: &text });
        let mut files = Files::new();
        for request in draft.files() {
            files.insert(&request, Ok(content(&request.key, request.kind).into_bytes()));
        }
        let report = draft.check(&files);
        let found: Vec<String> = report
            .problems
            .iter()
            .chain(&report.warnings)
            .map(|problem| problem.in_file(&name).to_string())
            .collect();
        assert!(found.is_empty(), "\n{}", found.join("\n"));
        examples += 1;
    }
    assert!(examples > 0, "there are no examples");
}
