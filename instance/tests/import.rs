//! `shoal import` as a person meets it: what it prints, how it ends, and what an interrupted one leaves.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use origin::library::Library;
use tempfile::TempDir;

#[test]
fn the_last_line_is_the_page_of_the_video() {
    let site = Site::new();
    let film = site.film("a film.mkv", 2);
    let output = site
        .shoal()
        .arg(&film)
        .args(["--title", "-x", "--channel", "anna", "--wait"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let video = site.library().videos().unwrap().remove(0);
    let id: wire::id::VideoId = video.id.parse().unwrap();
    let url = format!("https://videos.example.org/w/{}", id.short());
    assert_eq!(String::from_utf8(output.stdout.clone()).unwrap(), format!("{url}\n"));
    assert_eq!((video.title.as_str(), video.channel.as_deref()), ("-x", Some("anna")));
    let said = stderr(&output);
    assert!(
        said.contains(&format!("Playable: {url}\n")) && said.contains("Making 240p: 0 %"),
        "{said}"
    );
}

#[test]
fn what_went_wrong_is_one_sentence() {
    #[track_caller]
    fn check(output: &Output, wanted: &str) {
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), [].as_slice()));
        let said = stderr(output);
        let last = said.lines().last().unwrap();
        assert!(last.starts_with("shoal: ") && last.contains(wanted), "{said}");
    }
    let site = Site::new();
    check(&site.shoal().arg("none.mp4").output().unwrap(), "there is no file");
    let film = site.film("a.mkv", 2);
    check(&site.shoal().arg(&film).env("PATH", "").output().unwrap(), "ffmpeg is not installed");
    check(&site.shoal().arg(site.path("data")).output().unwrap(), "is not a file");
    site.assert_empty();
}

#[test]
fn an_import_that_nobody_listens_to_any_more_goes_on_to_its_end() {
    let site = Site::new();
    let film = site.film("a.mkv", 3);
    for moment in ["Looking at the file", "Playable"] {
        let mut child = site.shoal();
        child.arg(&film).env("RUST_LOG", "trace").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        drop(child.stdout.take());
        wait_for(&mut lines, moment);
        drop(lines);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{moment}");
    }
    let videos = site.library().videos().unwrap();
    assert_eq!(videos.len(), 2);
    for video in videos {
        assert!(!video.is_importing && video.renditions.len() == 2, "{video:?}");
    }
}

#[test]
fn an_ffprobe_that_does_not_run_is_not_blamed_on_the_film() {
    let site = Site::new();
    let film = site.film("a.mkv", 1);
    let folder = site.path("bin");
    fs::create_dir(&folder).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let loading = "ffprobe: error while loading shared libraries: libx.so";
    for (script, wanted) in [
        (
            format!("echo '{loading}: cannot open' >&2; exit 127"),
            "shared libraries: libx.so: cannot",
        ),
        (format!("echo '{loading}: failed to map segment' >&2; exit 127"), "import.memory_bytes"),
        ("kill -9 $$".to_owned(), "ended by signal 9"),
        ("exit 0".to_owned(), "ffprobe gave no answer"),
        ("echo 'file:a: Input/output error' >&2; exit 1".to_owned(), "Input/output error"),
        ("echo 'file:a: End of file' >&2; exit 1".to_owned(), "is not a video"),
        ("echo '{}'".to_owned(), "is not a video"),
    ] {
        let ffprobe = folder.join("ffprobe");
        fs::write(&ffprobe, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&ffprobe, fs::Permissions::from_mode(0o755)).unwrap();
        let output = site.shoal().arg(&film).env("PATH", &path).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.lines().last().unwrap().contains(wanted), "{script}: {said}");
        site.assert_empty();
    }
}

#[test]
fn an_import_listens_nowhere() {
    let site = Site::new();
    let output = site.shoal().args(["a.mkv", "--listen", "127.0.0.1:1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("unexpected argument '--listen'"), "{}", stderr(&output));
}

#[test]
fn an_interrupted_import_takes_everything_back() {
    for (signal, moment, seconds) in [("INT", "Making 240p", 300), ("TERM", "Playable", 30)] {
        let site = Site::new();
        let film = site.film("a.mkv", seconds);
        let (mut import, mut lines) = site.start(&film);
        wait_for(&mut lines, moment);
        send(signal, import.id());
        let said: Vec<_> = lines.lines().map(Result::unwrap).collect();
        assert_eq!(import.wait().unwrap().code(), Some(130));
        assert_eq!(said.last().map(String::as_str), Some("shoal: cancelled"));
        assert_eq!(readers_of(&film), Vec::<u32>::new(), "ffmpeg has ended too");
        site.assert_empty();
    }
}

#[test]
fn a_killed_import_ends_ffmpeg_and_is_cleaned_up_by_the_next_start() {
    let site = Site::new();
    let film = site.film("a.mkv", 30);
    let (mut import, mut lines) = site.start(&film);
    wait_for(&mut lines, "Playable");
    wait_for(&mut lines, "Making");
    // It says so a moment before ffmpeg begins.
    let mut ffmpeg = readers_of(&film);
    while ffmpeg.is_empty() {
        assert!(import.try_wait().unwrap().is_none(), "it ended before it was killed");
        ffmpeg = readers_of(&film);
    }
    send("KILL", import.id());
    import.wait().unwrap();
    ffmpeg.into_iter().for_each(wait_for_end);
    let records = || fs::read_dir(site.path("data/videos")).unwrap().count();
    assert_eq!(records(), 1, "nothing could be taken back");
    site.assert_empty();
    assert_eq!(records(), 0);
}

#[test]
fn imports_do_not_disturb_each_other() {
    let site = Site::new();
    let (mut long, mut lines) = site.start(&site.film("long.mkv", 20));
    wait_for(&mut lines, "Making 240p");
    let short = site.shoal().arg(site.film("short.mkv", 1)).output().unwrap();
    assert_eq!(short.status.code(), Some(0), "{}", stderr(&short));
    let said: Vec<_> = lines.lines().map(Result::unwrap).collect();
    assert_eq!(long.wait().unwrap().code(), Some(0), "{said:?}");
    let videos = site.library().videos().unwrap();
    assert!(videos.len() == 2 && videos.iter().all(|video| !video.is_importing), "{videos:?}");
}

#[test]
fn a_full_disk_is_called_so_and_nothing_stays_on_it() {
    let site = Site::new();
    let noise = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=320x240:r=25:d=20,noise=alls=100:allf=t",
        "-f",
        "lavfi",
        "-i",
        "anoisesrc=d=20",
    ];
    let film = site.make("noise.mkv", &noise, &["-c:v", "mpeg4", "-q:v", "2", "-c:a", "flac"]);
    for (kibibytes, wanted) in [(300, "MB are free"), (1000, "the disk filled up while converting")]
    {
        let output = site.on_small_disk(kibibytes, &film);
        let said = stderr(&output);
        assert!(
            said.contains("no space left in the data folder") && said.contains(wanted),
            "{said}"
        );
        let left = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            left,
            "exit 1\ndata\ndata/hls\ndata/signing-key\ndata/videos\ndata/work\ndata/work/lock\n",
            "{said}"
        );
    }
}

#[test]
fn renditions_that_cannot_follow_a_remux_are_all_made_anew() {
    let site = Site::new();
    let picture = ["-f", "lavfi", "-i", "testsrc2=s=426x480:r=25:d=9"];
    let film =
        site.make("a.mp4", &picture, &["-c:v", "libx264", "-g", "50", "-pix_fmt", "yuv420p"]);
    // An ffmpeg that forces other keyframes than it was told.
    let path = std::env::var("PATH").unwrap();
    let script = format!(
        "#!/bin/bash\nPATH='{path}'\nwords=()\nfor word; do\n\
         case $word in 0.000,*) word=0,1.2,2.4;; esac\nwords+=(\"$word\")\ndone\nexec ffmpeg \"${{words[@]}}\"\n"
    );
    let folder = site.path("bin");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("ffmpeg"), script).unwrap();
    fs::set_permissions(folder.join("ffmpeg"), fs::Permissions::from_mode(0o755)).unwrap();
    let output = site
        .shoal()
        .arg(&film)
        .env("PATH", format!("{}:{path}", folder.display()))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("can't be remuxed after all"), "{}", stderr(&output));
    let library = site.library();
    let video = library.videos().unwrap().remove(0);
    assert_eq!(video.master, "g2-master.m3u8");
    let files = fs::read_dir(library.hls_dir().join(&video.id)).unwrap();
    assert!(
        files
            .map(|file| file.unwrap().file_name())
            .all(|name| name.to_string_lossy().starts_with("g2-"))
    );
}

/// A data folder, and a folder for films.
struct Site {
    folder: TempDir,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        Site { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A film that has to be encoded to 240 and 480: the same second again and again.
    fn film(&self, name: &str, seconds: u32) -> PathBuf {
        let second = self.path("second.mkv");
        if !second.exists() {
            let picture = ["-f", "lavfi", "-i", "testsrc2=s=854x480:r=25:d=1"];
            self.make("second.mkv", &picture, &["-c:v", "mpeg4"]);
        }
        let again = (seconds - 1).to_string();
        let input = ["-stream_loop", &again, "-i", second.to_str().unwrap()];
        self.make(name, &input, &["-c", "copy"])
    }

    fn make(&self, name: &str, inputs: &[&str], words: &[&str]) -> PathBuf {
        let path = self.path(name);
        let made = Command::new("ffmpeg")
            .args(["-v", "error"])
            .args(inputs)
            .args(words)
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        path
    }

    fn shoal(&self) -> Command {
        self.with_options(Command::new(env!("CARGO_BIN_EXE_shoal")))
    }

    fn with_options(&self, mut command: Command) -> Command {
        command.arg("import").args(["--public-url", "https://videos.example.org"]);
        command.current_dir(&self.folder).env("SHOAL_IMPORT_PRESET", "ultrafast");
        command
    }

    fn start(&self, film: &Path) -> (Child, BufReader<ChildStderr>) {
        let mut child =
            self.shoal().arg(film).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        (child, lines)
    }

    /// Imports on a disk of this size, then lists what is left on it.
    fn on_small_disk(&self, kibibytes: u32, film: &Path) -> Output {
        let script = format!(
            "mount -t tmpfs -o size={kibibytes}k tmpfs data && \"$@\"; echo exit $?; find data | LC_ALL=C sort"
        );
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
        command.arg(env!("CARGO_BIN_EXE_shoal"));
        self.with_options(command).arg(film).output().unwrap()
    }

    /// Opening it is what the next start does first.
    fn library(&self) -> Library {
        Library::open(&self.path("data")).unwrap()
    }

    #[track_caller]
    fn assert_empty(&self) {
        let library = self.library();
        assert_eq!(library.videos().unwrap(), []);
        assert_eq!(fs::read_dir(library.hls_dir()).unwrap().count(), 0);
        assert_eq!(fs::read_dir(self.path("data/work")).unwrap().count(), 1, "only the lock");
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn wait_for(lines: &mut BufReader<ChildStderr>, wanted: &str) {
    let mut line = String::new();
    while !line.contains(wanted) {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "it ended before {wanted:?}");
    }
}

fn send(signal: &str, process: u32) {
    assert!(
        Command::new("kill").args(["-s", signal, &process.to_string()]).status().unwrap().success()
    );
}

/// The processes that have this film on their command line, without `shoal` itself.
fn readers_of(film: &Path) -> Vec<u32> {
    let name = format!("file:{}", film.display());
    let processes = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let reads = |process: &u32| {
        let words = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        words.split(|&byte| byte == 0).any(|word| word == name.as_bytes())
    };
    processes.filter(reads).collect()
}

fn wait_for_end(process: u32) {
    let waited = Command::new("tail")
        .arg(format!("--pid={process}"))
        .args(["-s", "0.1", "-f", "/dev/null"])
        .status();
    assert!(waited.unwrap().success());
}
