//! Reads and writes files that others may have tampered with: opens them without following links or blocking, and
//! writes through locked temporary files that are renamed once complete. Also reads small files named by a setting.

mod named;
mod open;
mod system;
mod temp;
mod unlinked;

pub(crate) use named::{open_named_file, read_named_file, read_opened};
pub(crate) use open::{
    OpenedFile, Place, create_dir, directory, directory_place, file_place, is_same_file, open_file, open_or_create,
    read_file, root_directory, sync_dir,
};
pub(crate) use system::{FileSystem, Native, is_not_replaced, is_refused, sync_file};
pub(crate) use temp::{TempFile, TempFolder, remove_file};
pub(crate) use unlinked::unlinked_file;

#[cfg(test)]
mod refusing;
#[cfg(test)]
pub(crate) use refusing::{Call, Refusing};
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::make_fifo;
