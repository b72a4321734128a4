//! The folder of a scenario's results under `output/`: whose it is, and how files get there whole.
//!
//! `scenarios/06-payment-capture/capture.toml` has `output/scenarios/06-payment-capture/capture/`, its variants a folder
//! each below that; a file outside of the current folder has `output/<its name>/`. A marker in the folder names the
//! scenario: what we did not write from this scenario is never touched. Rule: files are written aside and then moved, the
//! last one of a list last, so a result file that is there is complete, and so is what belongs to it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::exit::Failure;
use super::input;
use super::interrupt::{self, Aside};

const OUTPUT: &str = "output";
const MARKER: &str = ".redelivery";

/// The folder of one scenario's results.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// What the marker says.
    owner: String,
}

impl Folder {
    /// The folder of a scenario file, or of one of its variants; an error where it is somebody else's.
    pub fn of(file: &Path, variant: Option<&str>) -> Result<Folder, Failure> {
        let whole = || vec![file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()];
        let mut names = input::below(file).unwrap_or_else(whole);
        if let Some(last) = names.last_mut() {
            let stem = Path::new(last).file_stem().map(|stem| stem.to_string_lossy().into_owned());
            *last = stem.unwrap_or_default();
        }
        names.extend(variant.map(str::to_owned));
        let path = names.iter().fold(PathBuf::from(OUTPUT), |path, name| path.join(safe(name)));
        let of_variant = variant.map(|name| format!(", variant {name:?}")).unwrap_or_default();
        let owner = format!("results of {:?}{of_variant}\n", input::name(file));
        let folder = Folder { path, owner };
        folder.is_ours()?;
        Ok(folder)
    }

    /// Where a file of it is.
    pub fn file(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    /// A folder that holds files is ours where its marker says so; folders in it may be those of variants.
    fn is_ours(&self) -> Result<(), Failure> {
        let shown = self.path.display();
        let refused = |what: String| {
            let failure = Failure::input(format!("{shown} is not replaced: {what}"));
            Err(failure.help("move it away, or say --no-files"))
        };
        match fs::read_to_string(self.path.join(MARKER)) {
            Ok(owner) if owner == self.owner => return Ok(()),
            Ok(owner) => return refused(format!("it holds the {}", owner.trim())),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return refused("it is no folder".into()),
            Err(_) => {}
        }
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return refused(format!("it cannot be read: {error}")),
        };
        for entry in entries.flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                return refused(format!("it holds {:?}, which redelivery did not write", entry.file_name()));
            }
        }
        Ok(())
    }

    /// Puts files there, each in place of an older one; those without a text are taken away.
    pub fn write(&self, files: &[(&str, Option<String>)]) -> Result<(), Failure> {
        let aside = Path::new(OUTPUT).join(format!(".writing-{}", std::process::id()));
        let cannot = |error: io::Error| {
            Failure::input(format!("cannot write to {}: {error}; nothing was changed there", self.path.display()))
        };
        fs::create_dir_all(OUTPUT).map_err(cannot)?;
        let aside = Aside::new(aside);
        fs::create_dir_all(aside.path()).map_err(cannot)?;
        fs::write(aside.path().join(MARKER), &self.owner).map_err(cannot)?;
        for (name, text) in files {
            if let Some(text) = text {
                fs::write(aside.path().join(name), text).map_err(cannot)?;
            }
        }
        interrupt::stop_if_asked()?;
        self.is_ours()?;
        self.move_in(aside.path(), files).map_err(|error| {
            Failure::input(format!("cannot write to {}: {error}; what is there is not complete", self.path.display()))
        })
    }

    /// From here on it is a matter of moments: the folder is ours, then it loses what is old, then it gets what is new.
    fn move_in(&self, aside: &Path, files: &[(&str, Option<String>)]) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        fs::rename(aside.join(MARKER), self.path.join(MARKER))?;
        for (name, _) in files.iter().rev() {
            match fs::remove_file(self.path.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        for (name, _) in files.iter().filter(|(_, text)| text.is_some()) {
            fs::rename(aside.join(name), self.path.join(name))?;
        }
        Ok(())
    }
}

/// A name that stays one folder below another, on any system: what is neither letter, digit, `-`, `_` nor an inner `.` is
/// written as its bytes.
fn safe(name: &str) -> String {
    let mut safe = String::new();
    for (at, c) in name.char_indices() {
        let plain = c.is_alphanumeric() || c == '-' || c == '_' || c == ' ' || (c == '.' && at > 0);
        if plain {
            safe.push(c);
        } else {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| safe.push_str(&format!("%{byte:02X}")));
        }
    }
    if safe.is_empty() { "%".into() } else { safe }
}
