//! The configurations of the old programs, MWTT, MESA and the Micronets websocket proxy: their text
//! in, ours out, with what could not be carried over.
//!
//! What may be written is not judged here but by [`mistgate_core::config`], which is asked before
//! the text is given out.

use std::fmt::Write as _;

use mistgate_core::config::{problem::Problem, raw::Source};

pub mod value;

pub mod cursor;
mod literal;

pub mod python;

mod entry;

pub mod draft;
mod old;

mod common;
mod mesa;
pub mod micronets;
mod mwtt;

use self::{
    draft::{Draft, File, Note},
    entry::Origin,
    micronets::{Folder, Store},
    python::Module,
};

/// The old programs, as far as there are any.
#[derive(Clone, Copy, Default)]
pub struct Programs<'a> {
    /// MWTT's `config.py`.
    pub mwtt: Option<Source<'a>>,
    /// MESA's `config.py`.
    pub mesa: Option<Source<'a>>,
    /// The folder of the Micronets websocket proxy.
    pub micronets: Option<Micronets<'a>>,
}

/// The folder of the Micronets websocket proxy.
#[derive(Clone, Copy)]
pub struct Micronets<'a> {
    /// Its name as the user gave it.
    pub name: &'a str,
    /// `websocket-proxy.py`, if it is there.
    pub program: Option<Source<'a>>,
    /// Its certificates.
    pub store: &'a Store,
}

/// What becomes of them.
#[derive(Debug)]
pub struct Imported {
    /// The text of our configuration.
    pub toml: String,
    /// The files that it names and that are to be written beside it.
    pub files: Vec<File>,
    /// What to know and do, in the order of the old files.
    pub notes: Vec<Note>,
}

/// Makes one configuration of all programs. What is no Python is an error, with nothing to write.
pub fn import(programs: &Programs<'_>) -> Result<Imported, Vec<Note>> {
    let Programs { mwtt, mesa, micronets } = programs;
    let mut errors = Vec::new();
    let mut parse = |source: Option<Source<'_>>, needs: &str| {
        let module = source.map(|source| read(source, needs)).transpose();
        module.map_err(|note| errors.push(note)).ok().flatten()
    };
    let (mwtt_module, mesa_module) = (parse(*mwtt, "mist_conf"), parse(*mesa, "mist_conf"));
    let proxy_module = parse(micronets.and_then(|micronets| micronets.program), "");
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut draft = Draft::default();
    if let Some((source, module)) = mwtt.zip(mwtt_module) {
        passed_over("MWTT", source.name, &module, &mut draft);
        mwtt::import(&module, source.name, &mut draft);
    }
    if let Some((source, module)) = mesa.zip(mesa_module) {
        passed_over("MESA", source.name, &module, &mut draft);
        mesa::import(&module, source.name, &mut draft);
    }
    common::secrets(&mut draft);
    if let Some(Micronets { name, program, store }) = *micronets {
        let program = program.map(|program| program.name).zip(proxy_module.as_ref());
        micronets::import(&Folder { name, program, store }, &mut draft);
    }
    draft.settle();
    rest(&mut draft);
    let (toml, files, notes) = draft.finish(&head(programs));
    Ok(Imported { toml, files, notes })
}

/// Reads a file, in which a name must have a value, as without it the old program does not start.
fn read(source: Source<'_>, needs: &str) -> Result<Module, Note> {
    let refused = |line, what| {
        let expected = "a configuration that the old program runs with".into();
        let about = Problem { line, key: String::new(), what, expected };
        Note { file: source.name.into(), about }
    };
    let module = python::parse(source.text)
        .map_err(|error| refused(error.line, format!("{}, so nothing was read", error.fault)))?;
    if needs.is_empty() || module.assigned.contains_key(needs) {
        Ok(module)
    } else {
        Err(refused(1, format!("there is no {needs} in this file")))
    }
}

/// Statements that are no assignments.
fn passed_over(program: &'static str, file: &str, module: &Module, draft: &mut Draft) {
    let Some((first, others)) = module.passed_over.split_first() else {
        return;
    };
    let mut what = String::from("passed over, as it does more than to name a value");
    if !others.is_empty() {
        let _ = write!(what, "; and so in {} more places", others.len());
    }
    let origin = Origin { program, file: file.into(), line: *first, key: String::new() };
    draft.note(&origin, what, "what it sets, by hand");
}

/// A method has nothing to go by without Mist, and mistgate refuses it then.
fn rest(draft: &mut Draft) {
    let Some(origin) = draft.origin("ports", "method").cloned() else {
        return;
    };
    let missing = match (draft.origin("mist", "token_file"), draft.origin("mist", "org_id")) {
        (None, _) => "mist.token_file",
        (Some(_), None) => "mist.org_id",
        (Some(_), Some(_)) => return,
    };
    let what = "commented out, as nothing can be decided without what Mist says";
    draft.note(&origin, what, format!("{missing}, and then ports.method"));
    draft.put_to_sleep("ports", "method");
}

fn head(programs: &Programs<'_>) -> String {
    let names = [
        programs.mwtt.map(|source| (source.name, "MWTT")),
        programs.mesa.map(|source| (source.name, "MESA")),
        programs.micronets.map(|folder| (folder.name, "Micronets")),
    ];
    let mut head = String::from("# Made by mistgate import out of\n");
    for (name, program) in names.into_iter().flatten() {
        let _ = writeln!(head, "#   {} ({program})", name.escape_debug());
    }
    head.push_str(
        "# Behind each value is the setting that it comes from. The files that are named here are in\n\
         # the folder of this one. Before anything is started, look at it with\n\
         #   mistgate check --config mistgate.toml\n\
         state_dir = \"/var/lib/mistgate\"\n",
    );
    head
}

#[cfg(test)]
mod tests;
