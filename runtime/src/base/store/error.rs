//! Why a store cannot be used.

use std::{io, path::Path, path::PathBuf};

use super::FORMAT;

/// Why the store cannot be used, with the path of its file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", .path.display())]
pub struct Error {
    pub(super) path: PathBuf,
    pub(super) problem: Problem,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// No room for a copy of the file, which is made before it is brought to this format.
    #[error(
        "no copy of it could be made before bringing it to format {FORMAT}: {0} — make room beside \
         it"
    )]
    Copy(io::Error),
    /// The damaged file can be neither used nor renamed.
    #[error("it is damaged ({reason}) and cannot be set aside: {error} — move it away")]
    Damaged { reason: String, error: io::Error },
    /// Written by a newer mistgate, in this format.
    #[error(
        "a newer mistgate wrote this store, in format {0}; this one knows formats up to {FORMAT} — \
         start the newer one, or set state_dir"
    )]
    Newer(u64),
    /// Of an older format, or empty.
    #[error(
        "this is no store of format {FORMAT} — start mistgate on it once, which brings one of \
         0.1.0 to that"
    )]
    Older,
    #[error("{}", words(.0))]
    Redb(redb::Error),
}

fn words(error: &redb::Error) -> String {
    if let redb::Error::DatabaseAlreadyOpen = error {
        return "another mistgate uses this store — stop it, or set state_dir".to_owned();
    }
    error.to_string()
}

impl<E: Into<redb::Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Redb(error.into())
    }
}

impl Problem {
    /// This problem of the file at a path.
    pub(super) fn at(self, path: &Path) -> Error {
        Error { path: path.to_owned(), problem: self }
    }

    /// A bug has ended what was being written.
    pub(super) fn panicked() -> Self {
        io::Error::other("a bug has ended the commit").into()
    }

    /// Whether another process has the file.
    pub(super) const fn is_taken(&self) -> bool {
        matches!(self, Self::Redb(redb::Error::DatabaseAlreadyOpen))
    }

    /// Whether the disk, or what its user may have of it, is full.
    pub(super) fn is_full(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(self, Self::Redb(redb::Error::Io(error))
            if matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull))
    }

    /// Whether waiting does not help, and the file is as it should be.
    pub(super) const fn is_final(&self) -> bool {
        self.is_taken() || matches!(self, Self::Newer(_) | Self::Older)
    }

    /// Whether the file is not what a store must be, so that waiting does not help. What the disk
    /// refuses to read or write is no damage: it may come back.
    pub(super) fn is_damage(&self) -> bool {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        match self {
            Self::Redb(redb::Error::Io(error)) => {
                matches!(error.kind(), InvalidData | UnexpectedEof)
            }
            Self::Redb(error) => matches!(
                error,
                redb::Error::Corrupted(_)
                    | redb::Error::TableDoesNotExist(_)
                    | redb::Error::TableIsMultimap(_)
                    | redb::Error::TableIsNotMultimap(_)
                    | redb::Error::TableTypeMismatch { .. }
                    | redb::Error::TypeDefinitionChanged { .. }
                    | redb::Error::UpgradeRequired(_)
            ),
            Self::Copy(_) | Self::Damaged { .. } | Self::Newer(_) | Self::Older => false,
        }
    }
}

impl Error {
    /// Whether another process has it.
    pub const fn is_taken(&self) -> bool {
        self.problem.is_taken()
    }
}
