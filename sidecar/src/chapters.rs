//! Chapters as people write them: lines of a description that begin with a timecode, the first of them with `0:00`.

use crate::table::about::Chapter;

/// Three lines or more, in order, from the beginning on: one timecode alone is only a remark. Otherwise there are none.
pub(crate) fn find(description: &str) -> Vec<Chapter> {
    let mut found: Vec<Chapter> = Vec::new();
    for (timecode, title) in description.lines().filter_map(line) {
        let is_next = match found.last() {
            None => timecode == 0,
            Some(last) => timecode > last.timecode,
        };
        if is_next && found.len() < MOST {
            found.push(Chapter { timecode, title: title.chars().take(TITLE).collect() });
        }
    }
    if found.len() >= LEAST { found } else { Vec::new() }
}

/// `1:02:03 Title`, also with a bullet before it, or brackets around it.
fn line(line: &str) -> Option<(i64, &str)> {
    let line = line.trim_start_matches(|character: char| " \t-*•([".contains(character));
    let end = line.find(|character: char| !character.is_ascii_digit() && character != ':');
    let (timecode, title) = line.split_at(end?);
    let title =
        title.trim_start_matches(|character: char| " \t-–—:|)]".contains(character)).trim_end();
    Some((seconds(timecode)?, title)).filter(|(_, title)| !title.is_empty())
}

/// Of `m:ss` or `h:mm:ss`.
fn seconds(timecode: &str) -> Option<i64> {
    let parts: Vec<&str> = timecode.split(':').collect();
    let is_whole = (2..=3).contains(&parts.len())
        && parts.iter().all(|part| (1..=3).contains(&part.len()))
        && parts[1..].iter().all(|part| part.len() == 2);
    let numbers = parts.iter().map(|part| part.parse::<i64>().ok()).collect::<Option<Vec<_>>>()?;
    let is_time = is_whole && numbers[1..].iter().all(|number| *number < 60);
    is_time.then(|| numbers.iter().fold(0, |sum, number| sum * 60 + number))
}

/// Fewer are remarks, and no chapters.
const LEAST: usize = 3;

/// More than any seek bar shows apart.
const MOST: usize = 200;

/// Characters of a title, as with PeerTube.
const TITLE: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(description: &str, wanted: &[(i64, &str)]) {
        let found = find(description);
        let found: Vec<_> =
            found.iter().map(|chapter| (chapter.timecode, &*chapter.title)).collect();
        assert_eq!(found, wanted, "{description}");
    }

    #[test]
    fn lines_with_timecodes_are_chapters() {
        let wanted = [(0, "Intro"), (30, "The sea"), (3_723, "End")];
        check("Hello\n0:00 Intro\n0:30 The sea\n1:02:03 End\nBye", &wanted);
        check("- 00:00 - Intro\r\n* [00:30] The sea\r\n(1:02:03) – End", &wanted);
        check("0:00 Intro\n0:30 The sea\n0:20 back\n0:30 again\n1:02:03 End", &wanted);
    }

    #[test]
    fn a_remark_is_no_chapter() {
        check("0:00 Intro\n0:30 The sea", &[]);
        check("0:10 Intro\n0:30 The sea\n0:40 End", &[]);
        check("0:00\n0:30\n0:40", &[]);
        check("0:00 Intro\n0:99 The sea\n99999999999999999999:40 End\n1:2 x", &[]);
        check("", &[]);
    }

    #[test]
    fn there_are_only_so_many() {
        let many: String = (0..500).map(|no| format!("{no}:00 Part\n")).collect();
        assert_eq!(find(&many).len(), MOST);
    }
}
