//! Ctrl-C: the first one asks the work to stop, and the work leaves nothing half-written; the second one ends the process.
//!
//! Whoever writes something aside says so here, so that even the second one takes it away.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::exit::{Exit, Failure};

static ASKED: AtomicBool = AtomicBool::new(false);
static ASIDE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// From now on signals are heard.
pub(super) fn listen() {
    let heard = || {
        if ASKED.swap(true, Ordering::SeqCst) {
            for path in ASIDE.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                remove(path);
            }
            std::process::exit(Exit::Interrupted.code().into());
        }
    };
    // Where signals cannot be heard, one ends the process at once, as it would have without us.
    drop(ctrlc::set_handler(heard));
}

/// Whether to stop.
pub(super) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Stops here if that was asked for.
pub(super) fn stop_if_asked() -> Result<(), Failure> {
    if asked() { Err(Failure::interrupted()) } else { Ok(()) }
}

/// A file or folder that is being written aside; taken away when dropped, unless it was moved to its place.
#[derive(Debug)]
pub(super) struct Aside(PathBuf);

impl Aside {
    /// It is going to be written there.
    pub fn new(path: PathBuf) -> Aside {
        ASIDE.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
        Aside(path)
    }
    /// Where.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        remove(&self.0);
        ASIDE.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != self.0);
    }
}

/// What is already gone needs no removal, and what cannot be removed is no reason to stop.
fn remove(path: &Path) {
    drop(if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) });
}
