//! Stories: the life of an operation, in words. (In progress.)

use std::fmt;

use crate::ways::trial::Failure;

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
