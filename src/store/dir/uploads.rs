//! Unfinished uploads. Beside the temporary file of each upload, a note contains its name and the bucket and key of the
//! object.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::base::{Error, Result, sort};
use crate::files::{TempFile, TempFolder, directory, read_file, root_directory};
use crate::go::Timestamp;
use crate::object::{UnfinishedUpload, UploadsPage};
use crate::store::dir::bucket::DirStore;
use crate::store::dir::key;

const NOTE_MODE: u32 = 0o644;
/// The end of a note's name.
const SUFFIX: &str = ".upload";
/// A note has three names: of a temporary file, a bucket and a key of 1,024 bytes.
const MAX_NOTE_BYTES: u64 = 2048;

/// The content of a note.
struct Note {
    /// The name of the temporary file.
    file: String,
    key: String,
}

impl DirStore {
    /// Writes the note of an upload.
    pub(super) fn note_upload(&self, key: &str, temp: &TempFile) -> Result<TempFile> {
        let note = TempFolder::new(&self.root).create_ending(SUFFIX, NOTE_MODE)?;
        let text = format!("{}\n{}\n{key}\n", name(temp.path()), name(&self.bucket));
        note.file().write_all(text.as_bytes()).map_err(|error| Error::io("write", note.path(), error))?;
        Ok(note)
    }

    /// Returns the uploads of this bucket, by key.
    pub(super) fn unfinished_uploads(&self, prefix: &str) -> Result<UploadsPage> {
        let folder = TempFolder::new(&self.root).path().to_owned();
        let mut uploads = Vec::new();
        if !root_directory(&self.root)? || !directory(&folder)? {
            return Ok(UploadsPage::default());
        }
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(UploadsPage::default()),
            Err(error) => return Err(Error::io("list", folder, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| Error::io("list", &folder, error))?;
            let Ok(id) = entry.file_name().into_string() else { continue };
            let Some(note) = self.read_note(&folder, &id)?.filter(|note| note.key.starts_with(prefix)) else {
                continue;
            };
            let upload = UnfinishedUpload::new(note.key, id);
            uploads.push(match entry.metadata().and_then(|meta| meta.modified()) {
                Ok(begun) => upload.initiated(Timestamp::from(begun), self.age(begun)),
                Err(_) => upload,
            });
        }
        sort::sort_by(&mut uploads, |a, b| (&a.key, &a.id).cmp(&(&b.key, &b.id)));
        Ok(UploadsPage::new(uploads, None))
    }

    /// Removes the files of an upload.
    pub(super) fn remove_upload(&self, upload: &UnfinishedUpload) -> Result<()> {
        let temps = TempFolder::new(&self.root);
        let folder = temps.path();
        let Some(note) = self.read_note(folder, &upload.id)?.filter(|note| note.key == upload.key) else {
            return Ok(());
        };
        for path in [folder.join(note.file), folder.join(&upload.id)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io("remove", path, error)),
                _ => {}
            }
        }
        temps.remove_if_empty();
        Ok(())
    }

    /// Returns the note with this name, or `None` if no upload to this bucket has it.
    fn read_note(&self, folder: &Path, id: &str) -> Result<Option<Note>> {
        if !key::is_name(id) || !id.ends_with(SUFFIX) {
            return Ok(None);
        }
        let Some(bytes) = read_file(&folder.join(id), MAX_NOTE_BYTES)? else { return Ok(None) };
        let text = String::from_utf8(bytes).unwrap_or_default();
        let mut lines = text.lines();
        let (Some(file), Some(bucket), Some(key)) = (lines.next(), lines.next(), lines.next()) else { return Ok(None) };
        let valid = bucket == name(&self.bucket) && key::is_name(file) && key::check(key).is_ok();
        Ok(valid.then(|| Note { file: file.to_owned(), key: key.to_owned() }))
    }
}

/// Returns the last part of a path.
fn name(path: &Path) -> String {
    path.file_name().map(PathBuf::from).unwrap_or_default().display().to_string()
}
