//! Running ffmpeg and ffprobe: under limits, cancelled with us, and believed only for a bounded number of bytes.

use std::collections::VecDeque;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{ImportError, NoSpace, Truncated};

/// The programs that an import calls, each by its full path.
#[derive(Debug)]
pub(super) struct Tools {
    pub(super) ffmpeg: PathBuf,
    pub(super) ffprobe: PathBuf,
    /// From util-linux: ends a program when the thread that started it ends, even by SIGKILL.
    setpriv: Option<PathBuf>,
    /// From util-linux: limits of memory and processor time.
    prlimit: Option<PathBuf>,
    nice: Option<PathBuf>,
}

impl Tools {
    /// Finds them along `PATH`.
    pub(super) fn find() -> Result<Tools, ImportError> {
        Tools::find_along(&env::var_os("PATH").unwrap_or_default())
    }

    fn find_along(path: &OsStr) -> Result<Tools, ImportError> {
        let find = |name: &str| {
            env::split_paths(path).map(|folder| folder.join(name)).find(|file| is_program(file))
        };
        Ok(Tools {
            ffmpeg: find("ffmpeg").ok_or(ImportError::ToolMissing("ffmpeg"))?,
            ffprobe: find("ffprobe").ok_or(ImportError::ToolMissing("ffprobe"))?,
            setpriv: find("setpriv"),
            prlimit: find("prlimit"),
            nice: find("nice"),
        })
    }
}

/// What one program may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Address space in bytes.
    pub(super) memory_bytes: u64,
    /// Time on the clock; on the processors, as much for each of them.
    pub(super) time: Duration,
    /// As of `nice(1)`: 19 gives way to everybody, 0 to nobody.
    pub(super) niceness: u8,
}

/// Runs programs for one import. They end when it is cancelled, and when the thread that runs them ends.
#[derive(Debug)]
pub(super) struct Runner<'a> {
    pub(super) tools: &'a Tools,
    pub(super) cancelled: &'a AtomicBool,
}

impl Runner<'_> {
    /// Runs a program to its end in `folder` and hands over each piece of its output.
    ///
    /// Its complaints are returned, whether it succeeded or not: ffmpeg may lose half a file and still succeed.
    pub(super) fn run(
        &self,
        program: &Path,
        arguments: &[OsString],
        folder: &Path,
        limits: Limits,
        heard: &mut dyn FnMut(&[u8]),
    ) -> Result<Complaints, ImportError> {
        let deadline = Instant::now() + limits.time;
        let mut started = Started(self.start(program, arguments, folder, limits)?);
        let child = &mut started.0;
        let voices = listen(child);
        let mut complaints = Complaints::default();
        let ended = loop {
            if self.cancelled.load(Ordering::Relaxed) {
                break Err(ImportError::Cancelled);
            }
            if Instant::now() >= deadline {
                break Err(ImportError::TooSlow(limits.time));
            }
            match voices.recv_timeout(LOOK_UP) {
                Ok(Voice::Output(bytes)) => heard(&bytes),
                Ok(Voice::Complaint(bytes)) => complaints.hear(&bytes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break Ok(()),
            }
        };
        if ended.is_err() {
            // It may have ended by itself just now.
            let _ = child.kill();
        }
        let status = child.wait();
        ended?;
        match status {
            Ok(status) if status.success() => Ok(complaints),
            Ok(status) => Err(complaints.into_error(status.signal())),
            Err(_) => Err(complaints.into_error(None)),
        }
    }

    fn start(
        &self,
        program: &Path,
        arguments: &[OsString],
        folder: &Path,
        limits: Limits,
    ) -> Result<Child, ImportError> {
        let mut words = self.wrapping(limits);
        words.push(program.into());
        words.extend_from_slice(arguments);
        Command::new(&words[0])
            .args(&words[1..])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Away from the terminal's Ctrl-C: we are told, and end it ourselves.
            .process_group(0)
            .spawn()
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => ImportError::ToolMissing("ffmpeg"),
                _ => ImportError::Ffmpeg(format!("cannot start {}: {error}", program.display())),
            })
    }

    /// Each of these programs becomes the next one, so that the process we started is in the end ffmpeg itself.
    fn wrapping(&self, limits: Limits) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(setpriv) = &self.tools.setpriv {
            words.extend([setpriv.into(), "--pdeathsig".into(), "KILL".into()]);
        }
        if let Some(prlimit) = &self.tools.prlimit {
            let processors = thread::available_parallelism().map_or(1, usize::from) as u64;
            let cpu = limits.time.as_secs().saturating_mul(processors);
            words.extend([
                prlimit.into(),
                format!("--as={}", limits.memory_bytes).into(),
                format!("--cpu={cpu}").into(),
                "--core=0".into(),
            ]);
        }
        if let Some(nice) = self.tools.nice.as_ref().filter(|_| limits.niceness > 0) {
            words.extend([nice.into(), "-n".into(), limits.niceness.to_string().into()]);
        }
        words
    }
}

/// A program under way, which ends with whoever waits for it, even if that one unwinds.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // In most cases it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a program said on its standard error: the last lines, and whether some that matter were among all of them.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    last: VecDeque<String>,
    rest: Lines,
    is_disk_full: bool,
    is_out_of_memory: bool,
    has_no_index: bool,
}

impl Complaints {
    fn hear(&mut self, bytes: &[u8]) {
        let mut rest = std::mem::take(&mut self.rest);
        rest.push(bytes, &mut |line| self.note(line));
        self.rest = rest;
    }

    fn note(&mut self, line: &str) {
        self.is_disk_full |=
            line.contains("No space left on device") || line.contains("Disk quota exceeded");
        self.is_out_of_memory |= OUT_OF_MEMORY.iter().any(|words| line.contains(words));
        self.has_no_index |= line.contains("moov atom not found");
        if self.last.len() == COMPLAINTS_KEPT {
            self.last.pop_front();
        }
        let plain: Vec<char> = line.chars().filter(|char| !char.is_control()).collect();
        // The reason stands behind the file's name.
        let kept = &plain[plain.len().saturating_sub(COMPLAINT_LENGTH)..];
        self.last.push_back(kept.iter().collect());
    }

    /// The disk was full, even if the program went on as if it weren't.
    pub(super) fn check_disk(&self) -> Result<(), ImportError> {
        if self.is_disk_full { Err(ImportError::NoSpace(NoSpace::Met)) } else { Ok(()) }
    }

    fn into_error(self, signal: Option<i32>) -> ImportError {
        if self.is_disk_full {
            return ImportError::NoSpace(NoSpace::Met);
        }
        if self.has_no_index {
            return ImportError::Truncated(Truncated::NoIndex);
        }
        if self.is_out_of_memory {
            return ImportError::TooMuchMemory;
        }
        let last = self.last.into_iter().rfind(|line| !line.trim().is_empty());
        ImportError::Ffmpeg(match (signal, last) {
            (Some(signal), _) => format!("it was ended by signal {signal}"),
            (None, Some(last)) => last,
            (None, None) => "it ended without a word".to_owned(),
        })
    }
}

/// Cuts what comes in pieces into lines; of a line that is too long, the rest is lost.
#[derive(Debug, Default)]
pub(super) struct Lines {
    unfinished: Vec<u8>,
}

impl Lines {
    /// Takes a piece in, and gives out the lines that it ends.
    pub(super) fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(&str)) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n' || byte == b'\r') {
            let room = LINE_LIMIT.saturating_sub(self.unfinished.len());
            self.unfinished.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") || piece.ends_with(b"\r") {
                each(String::from_utf8_lossy(&self.unfinished).trim_end());
                self.unfinished.clear();
            }
        }
    }
}

enum Voice {
    Output(Vec<u8>),
    Complaint(Vec<u8>),
}

/// Hears both outputs of a child until both end.
fn listen(child: &mut Child) -> Receiver<Voice> {
    let (sender, voices) = sync_channel(PIECES_WAITING);
    if let Some(stdout) = child.stdout.take() {
        forward(stdout, sender.clone(), Voice::Output);
    }
    if let Some(stderr) = child.stderr.take() {
        forward(stderr, sender, Voice::Complaint);
    }
    voices
}

fn forward(
    mut from: impl Read + Send + 'static,
    to: SyncSender<Voice>,
    voice: fn(Vec<u8>) -> Voice,
) {
    thread::spawn(move || {
        let mut buffer = [0; PIECE];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if to.send(voice(buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
}

fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// How long a cancellation may wait to be seen: too short for a person to notice.
const LOOK_UP: Duration = Duration::from_millis(100);
/// A pipe holds 64 KiB: a quarter at a time wakes us seldom.
const PIECE: usize = 16 << 10;
const PIECES_WAITING: usize = 16;
/// Far longer than any line that ffmpeg's progress or errors have.
const LINE_LIMIT: usize = 4096;
/// The reason is in the last few; the first lines may be thousands about broken frames.
const COMPLAINTS_KEPT: usize = 8;
const COMPLAINT_LENGTH: usize = 300;
/// What ffmpeg, its encoders, the dynamic linker and the C++ runtime say when the limit of address space is reached.
const OUT_OF_MEMORY: [&str; 4] =
    ["Cannot allocate memory", "malloc of size", "failed to map segment", "std::bad_alloc"];

#[cfg(test)]
mod tests {
    use super::*;

    fn run(
        words: &[&str],
        limits: Limits,
        cancelled: bool,
    ) -> (Result<Complaints, ImportError>, String) {
        let tools = Tools::find().unwrap();
        let cancelled = AtomicBool::new(cancelled);
        let runner = Runner { tools: &tools, cancelled: &cancelled };
        let arguments: Vec<OsString> = words[1..].iter().map(OsString::from).collect();
        let mut heard = String::new();
        let result =
            runner.run(Path::new(words[0]), &arguments, Path::new("/"), limits, &mut |bytes| {
                heard.push_str(&String::from_utf8_lossy(bytes));
            });
        (result, heard)
    }

    const AMPLE: Limits =
        Limits { memory_bytes: 1 << 30, time: Duration::from_secs(60), niceness: 5 };

    #[track_caller]
    fn check(script: &str, wanted: &str) {
        let (result, _) = run(&["/bin/sh", "-c", script], AMPLE, false);
        let error = result.unwrap_err().to_string();
        assert!(error.contains(wanted), "{script:?} gave {error}");
    }

    #[test]
    fn output_and_arguments_pass_through_unchanged() {
        let (result, heard) = run(&["/bin/echo", "$(reboot)", "a;b|c 'x\"", "%s\n"], AMPLE, false);
        assert!(result.is_ok());
        assert_eq!(heard, "$(reboot) a;b|c 'x\" %s\n\n");
    }

    #[test]
    fn failures_say_why() {
        check("echo first >&2; echo the reason >&2; exit 1", "ffmpeg failed: the reason");
        check("exit 1", "without a word");
        check(
            "echo 'x: No space left on device' >&2; yes more | head -1000 >&2; exit 1",
            "no space left",
        );
        check("echo '[mov] moov atom not found' >&2; exit 1", "index is missing");
        check("echo 'x264 [error]: malloc of size 9 failed' >&2; exit 1", "more memory");
        check("kill -9 $$", "ended by signal 9");
        check("echo 'a: error while loading shared libraries: b' >&2; exit 127", "loading shared");
        check("echo 'b: failed to map segment from shared object' >&2; exit 127", "more memory");
        check(&format!("echo '{}: the reason' >&2; exit 1", "x".repeat(900)), ": the reason");
    }

    #[test]
    fn a_disk_found_full_is_noticed_even_after_success() {
        let (result, _) =
            run(&["/bin/sh", "-c", "echo 'av_write: No space left on device' >&2"], AMPLE, false);
        assert!(matches!(result.unwrap().check_disk(), Err(ImportError::NoSpace(NoSpace::Met))));
    }

    #[test]
    fn limits_hold() {
        let brief = Limits { time: Duration::from_secs(1), ..AMPLE };
        assert!(matches!(
            run(&["/bin/sleep", "600"], brief, false).0,
            Err(ImportError::TooSlow(_))
        ));
        let (_, heard) = run(&["/bin/sh", "-c", "ulimit -v; nice"], AMPLE, false);
        assert!(heard.starts_with("1048576\n"), "{heard}");
    }

    #[test]
    fn a_cancelled_import_runs_nothing_to_its_end() {
        assert!(matches!(run(&["/bin/sleep", "600"], AMPLE, true).0, Err(ImportError::Cancelled)));
    }

    #[test]
    fn a_missing_ffmpeg_is_named_with_its_package() {
        let error = Tools::find_along(OsStr::new("/nowhere:/etc")).unwrap_err().to_string();
        assert!(
            error.contains("ffmpeg is not installed") && error.contains("apt-get install ffmpeg"),
            "{error}"
        );
    }

    #[test]
    fn lines_are_cut_wherever_the_pieces_end() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        for piece in ["a=1\nb", "=2", "\r\nc=", &"x".repeat(9000), "\nd=4\n"] {
            lines.push(piece.as_bytes(), &mut |line| seen.push(line.to_owned()));
        }
        assert_eq!(seen[..2], ["a=1", "b=2"]);
        assert_eq!(seen.last().map(String::as_str), Some("d=4"));
        assert!(seen.iter().all(|line| line.len() <= LINE_LIMIT));
    }
}
