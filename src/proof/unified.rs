//! Applies a unified diff of one text file, strictly: every context and removed line must
//! stand exactly where the hunk says. Only good enough to show that a recorded patch is what
//! a commit did.

/// The text after the patch; `None` if the patch does not fit `before` exactly.
pub(super) fn apply(before: &[u8], patch: &[u8]) -> Option<Vec<u8>> {
    let old: Vec<&[u8]> = before.split_inclusive(|b| *b == b'\n').collect();
    let mut lines = patch.split_inclusive(|b| *b == b'\n').peekable();
    let mut out: Vec<Vec<u8>> = Vec::new();
    let mut at = 0;
    let mut hunks = 0;
    while let Some(line) = lines.next() {
        let Some((start, mut olds, mut news)) = hunk(line) else { continue };
        // An insertion into nothing counts from 0, everything else from 1.
        let from = if olds == 0 { start } else { start.checked_sub(1)? };
        out.extend(old.get(at..from)?.iter().map(|l| l.to_vec()));
        at = from;
        hunks += 1;
        while olds > 0 || news > 0 {
            let line = lines.next()?;
            let (mark, body) = line.split_first().unwrap_or((&b' ', &[]));
            let body = unended(body, lines.next_if(|l| l.starts_with(b"\\")).is_some());
            if *mark != b'+' {
                (*old.get(at)? == body).then_some(())?;
                at += 1;
                olds = usize::checked_sub(olds, 1)?;
            }
            if *mark != b'-' {
                out.push(body.to_vec());
                news = usize::checked_sub(news, 1)?;
            }
            matches!(mark, b' ' | b'+' | b'-').then_some(())?;
        }
    }
    out.extend(old.get(at..)?.iter().map(|l| l.to_vec()));
    (hunks > 0).then(|| out.concat())
}

/// A line that a `\ No newline at end of file` follows has no newline of its own.
fn unended(body: &[u8], marked: bool) -> &[u8] {
    if marked { body.strip_suffix(b"\n").unwrap_or(body) } else { body }
}

/// `@@ -start,olds +start,news @@`: the old start and both lengths.
fn hunk(line: &[u8]) -> Option<(usize, usize, usize)> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix("@@ -")?;
    let (old, rest) = text.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let range = |text: &str| match text.split_once(',') {
        Some((start, length)) => Some((start.parse().ok()?, length.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    };
    let (start, olds) = range(old)?;
    Some((start, olds, range(new)?.1))
}

#[cfg(test)]
mod tests {
    use super::apply;

    const BEFORE: &[u8] = b"a\nb\nc\nd\ne\nf\ng\nh\n";

    #[test]
    fn hunks_apply_where_they_say() {
        let patch =
            b"--- a/state.md\n+++ b/state.md\n@@ -1,3 +1,2 @@\n a\n-b\n c\n@@ -7,2 +6,3 @@\n g\n+new\n h\n";
        assert_eq!(apply(BEFORE, patch).unwrap(), b"a\nc\nd\ne\nf\ng\nnew\nh\n");
        assert_eq!(apply(b"", b"@@ -0,0 +1 @@\n+a\n").unwrap(), b"a\n");
        let unended = b"@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n";
        assert_eq!(apply(b"a", unended).unwrap(), b"b");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for patch in [
            &b"no hunk at all\n"[..],
            b"@@ -1,3 +1,2 @@\n a\n-x\n c\n",
            b"@@ -20 +20 @@\n-a\n+b\n",
            b"@@ -1,2 +1,1 @@\n a\n",
            b"@@ -1 +1 @@\n?a\n",
            b"@@ -0,1 +1 @@\n-a\n+b\n",
        ] {
            assert_eq!(apply(BEFORE, patch), None, "{}", String::from_utf8_lossy(patch));
        }
    }
}
