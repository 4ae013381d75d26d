/// The reason why an item was dropped instead of exported.
///
/// The set is fixed: each reason is a series of its own, which exists from the start with the value zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// The destination refused the item, for now or for good.
    Rejected,
    /// The destination stayed too busy until the exporter stopped trying.
    Throttled,
    /// The destination didn't answer, or the connection broke before anything was sent.
    Unreachable,
    /// The item was sent and no answer came: it may have arrived.
    Unconfirmed,
    /// The queue was full.
    QueueFull,
    /// The destination's format can't express the item: it isn't a number, or is too large.
    Unrepresentable,
    /// The program ended first.
    Shutdown,
}

impl DropReason {
    /// All reasons.
    pub const ALL: [Self; 7] = [
        Self::Rejected,
        Self::Throttled,
        Self::Unreachable,
        Self::Unconfirmed,
        Self::QueueFull,
        Self::Unrepresentable,
        Self::Shutdown,
    ];

    /// Returns the value of the attribute `error.type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Throttled => "throttled",
            Self::Unreachable => "unreachable",
            Self::Unconfirmed => "unconfirmed",
            Self::QueueFull => "queue_full",
            Self::Unrepresentable => "unrepresentable",
            Self::Shutdown => "shutdown",
        }
    }
}
