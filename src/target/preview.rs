//! A dry run: what each target would do, by the same decisions as the real one.

use super::decide::Judge;
use super::{Ready, Yard};
use crate::step;

/// One line for each target and one for each statement that would run, variables expanded
/// and secrets masked. Where a target that runs before may change the inputs, it says so.
///
/// # Errors
/// An input can't be read.
pub fn preview(yard: &Yard, ready: &[Ready], force: bool, why: bool) -> std::io::Result<String> {
    let judge = Judge::new(yard, force);
    let mut prints: Vec<String> = Vec::new();
    let mut runs: Vec<bool> = Vec::new();
    let mut text = String::new();
    for one in ready {
        let target = one.chosen.target;
        let name = &target.name.value;
        if let Some(excuse) = &one.excused {
            text.push_str(&format!("# {name}: does not apply: {excuse}\n"));
            prints.push("not applicable".to_owned());
            runs.push(false);
            continue;
        }
        let need =
            |n: &usize| Some((ready.get(*n)?.chosen.target.name.value.as_str(), prints.get(*n)?.clone()));
        let needs: Vec<_> = one.chosen.needs.iter().filter_map(need).collect();
        let judged = judge.judge(one, &needs)?;
        let after =
            one.chosen.needs.iter().filter(|n| runs.get(**n) == Some(&true)).filter_map(|n| ready.get(*n));
        let after: Vec<&str> = after.map(|r| r.chosen.target.name.value.as_str()).collect();
        let (head, shown) = match (&judged.why, &target.steps) {
            (_, None) => (None, false),
            (Some(reason), _) if why => (Some(format!("# {name}: runs: {reason}")), true),
            (Some(_), _) => (Some(format!("# {name}")), true),
            (None, _) if after.is_empty() => (Some(format!("# {name}: up to date")), false),
            (None, _) => {
                (Some(format!("# {name}: runs only if {} changes its inputs", after.join(", "))), true)
            }
        };
        text.extend(head.map(|h| h + "\n"));
        if let (true, Some(script)) = (shown, &target.steps) {
            for line in step::expanded(&script.ast, &one.variables.env(&yard.folder)) {
                text.push_str(&line);
                text.push('\n');
            }
        }
        runs.push(shown || (target.steps.is_none() && !after.is_empty()));
        prints.push(judged.fingerprint);
    }
    Ok(text)
}
