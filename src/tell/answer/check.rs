//! The answer to `check`: a line for each file and variant, and below it what is not as it should be.

use super::super::paint::Paint;
use super::super::words::{counted, wrap};
use super::verdicts::{figure, sentence, verdict};
use super::{WIDTH, again, over};
use crate::ways::judge::{Judgement, Standing};

/// What there is to tell of a file, or of a variant of it.
#[derive(Clone, Copy, Debug)]
pub struct Checked<'a> {
    /// The file, as commands name it.
    pub file: &'a str,
    /// Which of its variants; `None` for the base.
    pub variant: Option<&'a str>,
    /// The command that runs it again, up to the seed.
    pub command: &'a str,
    /// The first world.
    pub seed: u64,
    /// How many worlds were judged.
    pub seeds: usize,
    /// What each sentence came to.
    pub judgements: &'a [Judgement],
}

/// `ok    scenarios/capture.toml  heartbeat   5 seeds, 4 sentences`, and more lines where more is to say.
pub fn check_line(checked: &Checked<'_>, paint: Paint) -> String {
    let Checked { file, variant, command, seed, seeds: worlds, judgements } = *checked;
    let is = |standing: Standing| judgements.iter().any(|judgement| judgement.standing() == standing);
    let word = if judgements.is_empty() || is(Standing::NotAsExpected) {
        paint.bad("FAIL")
    } else if is(Standing::Undecided) {
        paint.unsure("open")
    } else {
        paint.good("ok  ")
    };
    let (seeds, sentences) = (counted(worlds as u64, "seed"), counted(judgements.len() as u64, "sentence"));
    let mut text = format!("{word}  {file:<47}  {:<23}  {seeds}, {sentences}\n", variant.unwrap_or_default());
    if judgements.is_empty() {
        say(&mut text, "nothing is expected of it, so nothing is proved: say in `[expect]` what should come of it");
    }
    for judgement in judgements.iter().filter(|judgement| judgement.standing() != Standing::AsExpected) {
        let more = [figure(judgement), judgement.missing.clone().unwrap_or_default()];
        let more: Vec<String> = more.into_iter().filter(|part| !part.is_empty()).collect();
        let more = if more.is_empty() { String::new() } else { format!(": {}", more.join("; ")) };
        say(&mut text, &format!("{}: `{}` {}{more}", judgement.subject, sentence(judgement), verdict(judgement)));
        // A command stays in one line, however long, so that it can be copied.
        let again = match judgement.first {
            Some(first) => again(command, first),
            None => over(command, seed, worlds),
        };
        text.push_str(&format!("      again  {again}\n"));
    }
    text
}

/// A sentence below the line.
fn say(text: &mut String, sentence: &str) {
    for line in wrap(sentence, WIDTH - 6) {
        text.push_str(&format!("      {line}\n"));
    }
}
