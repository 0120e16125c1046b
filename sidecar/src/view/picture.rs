//! Where the pictures of accounts and channels are had: `<chance>-<when>-<width>.jpg`, a name for each picture that was ever set.

/// Which picture of a channel or an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    /// A square.
    Avatar,
    /// The wide one above a channel's page.
    Banner,
}

impl PictureKind {
    /// The sizes that there are of it, in pixels across and down, the smallest first.
    pub fn sizes(self) -> &'static [(u32, u32)] {
        match self {
            PictureKind::Avatar => &[(SMALL, SMALL), (LARGE, LARGE)],
            PictureKind::Banner => &[(WIDE, 317)],
        }
    }

    /// The name of the file of one size.
    pub fn file(name: &str, width: u32) -> String {
        format!("{name}-{width}.jpg")
    }
}

/// How the names of a picture's files begin.
pub(crate) fn made_name(chance: &str, now_ms: i64) -> String {
    format!("{chance}-{now_ms}")
}

/// When a picture was set, in milliseconds since 1970, as its name tells.
pub(crate) fn made_at(name: &str) -> i64 {
    name.rsplit_once('-').and_then(|(_, at)| at.parse().ok()).unwrap_or_default()
}

/// The path of one size of a picture.
pub(crate) fn picture_path(kind: PictureKind, name: &str, width: u32) -> String {
    let folder = match kind {
        PictureKind::Avatar => "avatars",
        PictureKind::Banner => "banners",
    };
    format!("/lazy-static/{folder}/{}", PictureKind::file(name, width))
}

/// The path of a picture, as small as lists show it.
pub(crate) fn avatar(name: &str) -> String {
    picture_path(PictureKind::Avatar, name, SMALL)
}

/// The path of the same in full size.
pub(crate) fn portrait(name: &str) -> String {
    picture_path(PictureKind::Avatar, name, LARGE)
}

/// The path of a wide picture.
pub(crate) fn banner(name: &str) -> String {
    picture_path(PictureKind::Banner, name, WIDE)
}

/// Twice what lists show, for screens of two points a pixel.
const SMALL: u32 = 120;
const LARGE: u32 = 600;
const WIDE: u32 = 1920;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_s_name_says_when_it_was_set() {
        let name = made_name("aB3", 1_795_324_400_000);
        assert_eq!(made_at(&name), 1_795_324_400_000);
        assert_eq!(avatar(&name), "/lazy-static/avatars/aB3-1795324400000-120.jpg");
        assert_eq!(banner(&name), "/lazy-static/banners/aB3-1795324400000-1920.jpg");
        assert_eq!(made_at("left.jpg"), 0);
    }
}
