//! stub
#[derive(Clone, Debug)] pub struct Machine;
