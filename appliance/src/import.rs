//! `mistgate import`: the configurations of the old programs, read as text, become one of ours.

use std::{fs, fs::DirBuilder, io, os::unix::fs::DirBuilderExt as _, path::Path};

use mistgate_core::{base::secret::Secret, config::files::FileKind};
use mistgate_import::{Imported, Program, Programs, import, micronets::Folder, python};
use mistgate_import::{draft::Content, draft::Note, micronets::Certificate};
use mistgate_runtime::{host::load, http::tls::mutual};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use crate::{args::Import, files, files::File, starter};
use mistgate_core::base::order;

const CONFIGURATION: &str = "mistgate.toml";
/// The program of the websocket proxy in its folder: that of the repository, or of the image.
const PROGRAMS: [&str; 2] = ["bin/websocket-proxy.py", "websocket-proxy.py"];
/// The folders with its certificates.
const STORES: [&str; 2] = ["lib", "."];
/// How many entries of a folder are looked at.
const FILES_MAX: usize = 1_000;

pub(crate) fn run(args: &Import) -> Result<(), String> {
    let programs = Programs {
        mwtt: args.mwtt.as_deref().map(python).transpose()?,
        mesa: args.mesa.as_deref().map(python).transpose()?,
        micronets: args.micronets.as_deref().map(folder).transpose()?,
    };
    let lines = |notes: &[Note]| -> Vec<String> { notes.iter().map(ToString::to_string).collect() };
    let imported = import(&programs).map_err(|notes| lines(&notes).join("\n"))?;
    let files = format!("{} files with secrets", imported.files.len());
    let end = match &args.out {
        Some(out) => {
            write(&imported, out)?;
            let check = format!("mistgate check --config {out}/{CONFIGURATION}");
            format!("written into {out}: {CONFIGURATION} and {files} — look at it with {check}")
        }
        None => {
            crate::say(imported.toml.trim_end());
            format!("not written: {files} that this names — --out FOLDER writes everything")
        }
    };
    for line in lines(&imported.notes) {
        crate::complain(&line);
    }
    crate::complain(&end);
    Ok(())
}

fn python(name: &str) -> Result<Program, String> {
    let expected = "expected a configuration in Python";
    let explain = |why: &str| format!("{name}:1: {why} — {expected}");
    let bytes = load::read(name, python::TEXT_MAX + 1).map_err(|why| explain(&why))?;
    let text = String::from_utf8(bytes).map_err(|_| explain("not UTF-8 text"))?;
    Ok(Program { name: name.to_owned(), text })
}

/// Reads the folder of the websocket proxy.
fn folder(name: &str) -> Result<Folder, String> {
    let at = |path: &str| format!("{}/{path}", name.trim_end_matches('/'));
    let program = PROGRAMS.map(at).into_iter().find(|path| Path::new(path).is_file());
    let program = program.as_deref().map(python).transpose()?;
    let mut folder = Folder { name: name.to_owned(), program, ..Folder::default() };
    for store in STORES {
        add(&mut folder, store)?;
    }
    if folder.program.is_none() && folder.certificates.is_empty() {
        let program = PROGRAMS.join(" nor ");
        return Err(format!(
            "{name}: there is neither {program} nor a certificate — expected the folder of the \
             Micronets websocket proxy"
        ));
    }
    Ok(folder)
}

/// Adds what is in the PEM files of one of its folders, in the order of their names.
fn add(to: &mut Folder, folder: &str) -> Result<(), String> {
    let place = Path::new(&to.name).join(folder);
    let entries = match fs::read_dir(&place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder != "." => return Ok(()),
        Err(error) => return Err(format!("{}: {error}", place.display())),
    };
    let mut names: Vec<String> = Vec::new();
    for entry in entries.take(FILES_MAX) {
        let entry = entry.map_err(|error| format!("{}: {error}", place.display()))?;
        // The wanted names are all UTF-8.
        names.extend(entry.file_name().into_string().ok().filter(|name| name.ends_with(".pem")));
    }
    order::sort_by(&mut names, Ord::cmp);
    for name in names {
        let path = place.join(&name);
        if !path.is_file() {
            continue;
        }
        let shown = path.display().to_string();
        let bytes = load::read(&shown, FileKind::PrivateKey.bytes_max())
            .map_err(|why| format!("{shown}: {why}"))?;
        let Ok(pem) = String::from_utf8(bytes).map(Secret::new) else { continue };
        let path = if folder == "." { name } else { format!("{folder}/{name}") };
        let has_key = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes()).is_ok();
        let certificate = CertificateDer::from_pem_slice(pem.expose().as_bytes()).ok();
        if let Some(identity) = certificate.as_ref().and_then(mutual::identity) {
            to.certificates.push(Certificate { path, pem, has_key, identity });
        }
    }
    Ok(())
}

/// Writes the configuration and its files into a folder, all of them or none.
fn write(imported: &Imported, out: &str) -> Result<(), String> {
    let is_new = match DirBuilder::new().mode(0o700).create(out) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!("{out}: the folder above it does not exist — make it first"));
        }
        Err(error) => return Err(format!("{out}: cannot be made: {error}")),
    };
    let at = |name: &str| format!("{}/{name}", out.trim_end_matches('/'));
    let mut all = vec![File {
        path: at(CONFIGURATION),
        content: imported.toml.clone().into_bytes(),
        holds_key: false,
        about: "the configuration",
    }];
    for file in &imported.files {
        let mut content = match &file.content {
            Content::Known(secret) => secret.expose().to_owned(),
            Content::New => starter::new_secret()?,
        };
        if !content.ends_with('\n') {
            content.push('\n');
        }
        let path = at(&file.name);
        all.push(File { path, content: content.into_bytes(), holds_key: true, about: "a secret" });
    }
    let advice = "choose another --out, or move it away";
    files::write(&all, false, advice).inspect_err(|_| {
        if is_new {
            // This fails if somebody else has put something there; then the folder stays.
            let _ = fs::remove_dir(out);
        }
    })
}
