//! Why a store cannot be used.

use std::{fmt, io, path::PathBuf};

use super::FORMAT;

/// Why the store cannot be used, with the path of its file.
#[derive(Debug)]
pub struct Error {
    pub(super) path: PathBuf,
    pub(super) problem: Problem,
}

#[derive(Debug)]
pub(super) enum Problem {
    /// No room for a copy of the file, which is made before it is brought to this format.
    Copy(io::Error),
    /// The damaged file can be neither used nor renamed.
    Damaged {
        reason: String,
        error: io::Error,
    },
    /// Written by a newer mistgate, in this format.
    Newer(u64),
    /// Of an older format, or empty.
    Older,
    Redb(redb::Error),
}

impl<E: Into<redb::Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Redb(error.into())
    }
}

impl Problem {
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

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redb(redb::Error::DatabaseAlreadyOpen) => {
                write!(f, "another mistgate uses this store — stop it, or set state_dir")
            }
            Self::Redb(error) => write!(f, "{error}"),
            Self::Newer(format) => write!(
                f,
                "a newer mistgate wrote this store, in format {format}; this one knows formats up \
                 to {FORMAT} — start the newer one, or set state_dir"
            ),
            Self::Older => write!(
                f,
                "this is no store of format {FORMAT} — start mistgate on it once, which brings one \
                 of 0.1.0 to that"
            ),
            Self::Copy(error) => write!(
                f,
                "no copy of it could be made before bringing it to format {FORMAT}: {error} — make \
                 room beside it"
            ),
            Self::Damaged { reason, error } => write!(
                f,
                "it is damaged ({reason}) and cannot be set aside: {error} — move it away"
            ),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problem)
    }
}

impl Error {
    /// Whether another process has it.
    pub const fn is_taken(&self) -> bool {
        self.problem.is_taken()
    }
}

impl std::error::Error for Error {}
