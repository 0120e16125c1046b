//! What a user may do.

use std::str::FromStr;

use sqlx::Decode;
use sqlx::error::BoxDynError;

use crate::field::FieldError;

/// What a user may do. PeerTube's numbers are also the database's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Administrator,
    /// Lets people in, and keeps order.
    Moderator,
    /// Publishes.
    User,
}

impl Role {
    /// PeerTube's number.
    pub(crate) fn id(self) -> i64 {
        match self {
            Role::Administrator => 0,
            Role::Moderator => 1,
            Role::User => 2,
        }
    }

    /// PeerTube's name for it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Role::Administrator => "Administrator",
            Role::Moderator => "Moderator",
            Role::User => "User",
        }
    }

    /// Whether people with this role decide who else gets an account.
    pub fn moderates(self) -> bool {
        matches!(self, Role::Administrator | Role::Moderator)
    }
}

impl FromStr for Role {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Role, FieldError> {
        match text {
            "administrator" => Ok(Role::Administrator),
            "moderator" => Ok(Role::Moderator),
            "user" => Ok(Role::User),
            _ => Err(FieldError::Choice("administrator, moderator, user")),
        }
    }
}

impl<DB: sqlx::Database> sqlx::Type<DB> for Role
where
    i64: sqlx::Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        i64::type_info()
    }

    fn compatible(kind: &DB::TypeInfo) -> bool {
        i64::compatible(kind)
    }
}

impl<'r, DB: sqlx::Database> Decode<'r, DB> for Role
where
    i64: Decode<'r, DB>,
{
    fn decode(value: DB::ValueRef<'r>) -> Result<Role, BoxDynError> {
        match i64::decode(value)? {
            0 => Ok(Role::Administrator),
            1 => Ok(Role::Moderator),
            2 => Ok(Role::User),
            other => Err(format!("{other} is no role").into()),
        }
    }
}
