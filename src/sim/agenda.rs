//! stub
pub struct Agenda; pub struct Handle; pub struct Head; pub struct Lane;
