//! `redelivery conform`: recordings of real brokers, played on the models and compared, event by event.
//!
//! Folders are told in the order of their names, each as soon as its last recording was played. Rule: a recording that cannot be
//! read is wrong input, never one that was skipped.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::Conform;
use super::exit::{Exit, Failure};
use super::progress::Progress;
use super::{input, interrupt, screen, worlds};
use crate::tell::paint::Paint;
use crate::tell::recordings::{Width, differences, line};
use crate::ways::conform::trace::Trace;
use crate::ways::conform::{Folder, judge};
use crate::ways::pool;

#[derive(Serialize)]
struct Products<'a> {
    products: &'a [Folder],
}

pub(super) fn conform(args: &Conform) -> Result<Exit, Failure> {
    let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in &args.paths {
        collect(path, &mut files)?;
    }
    if files.is_empty() {
        let paths: Vec<String> = args.paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Failure::input(format!("no recording (a .json file) below {}", paths.join(", "))));
    }
    let mut jobs = Vec::new();
    for (folder, paths) in &mut files {
        paths.sort();
        paths.dedup();
        for path in paths.iter() {
            jobs.push((folder.as_str(), path.as_path()));
        }
    }
    let progress = Progress::new();
    let (mut cases, mut failed) = (BTreeMap::<&str, Vec<_>>::new(), None);
    pool::in_order(
        &jobs,
        worlds::threads(None),
        |(folder, path)| {
            let text = input::text(path)?;
            let trace = Trace::read(&text)
                .map_err(|why| Failure::input(format!("{} is no recording: {why}", path.display())))?;
            Ok((*folder, judge(folder, &trace)))
        },
        |played: Result<_, Failure>| {
            match played {
                Ok((folder, case)) => cases.entry(folder).or_default().push(case),
                Err(failure) => failed = Some(failure),
            }
            failed.is_none() && !interrupt::asked()
        },
    );
    drop(progress);
    if let Some(failure) = failed {
        return Err(failure);
    }
    interrupt::stop_if_asked()?;
    let folders: Vec<Folder> = cases.into_iter().map(|(folder, cases)| Folder::of(folder, cases)).collect();
    let differ = folders.iter().any(|folder| folder.differ > 0);
    if args.json {
        let text = serde_json::to_string(&Products { products: &folders }).expect("a report is JSON");
        screen::say(&(text + "\n"))?;
    } else {
        let width = Width::of(&folders);
        for folder in &folders {
            screen::say(&line(folder, width))?;
        }
        for folder in &folders {
            screen::say(&differences(folder, Paint::On))?;
        }
    }
    Ok(if differ { Exit::NotAsExpected } else { Exit::AsExpected })
}

/// The recordings at a path, by the name of their folder.
fn collect(path: &Path, files: &mut BTreeMap<String, Vec<PathBuf>>) -> Result<(), Failure> {
    let about = fs::metadata(path).map_err(|error| input::unreadable(path, &error))?;
    if !about.is_dir() {
        let whole = fs::canonicalize(path).map_err(|error| input::unreadable(path, &error))?;
        let folder = whole.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        files.entry(folder.unwrap_or_default()).or_default().push(path.into());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(|error| input::unreadable(path, &error))? {
        let entry = entry.map_err(|error| input::unreadable(path, &error))?;
        let (path, kind) = (entry.path(), entry.file_type());
        if kind.is_ok_and(|kind| kind.is_dir()) || path.extension().is_some_and(|kind| kind == "json") {
            collect(&path, files)?;
        }
    }
    Ok(())
}
