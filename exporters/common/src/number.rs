/// A number type of the OpenTelemetry SDK's metrics: `u64`, `i64` or `f64`. Sealed.
pub trait Number: Copy + sealed::Sealed {
    /// Returns the nearest `f64`: exact up to 2^53.
    fn to_f64(self) -> f64;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for u64 {}
    impl Sealed for i64 {}
    impl Sealed for f64 {}
}

impl Number for u64 {
    fn to_f64(self) -> f64 {
        self as f64
    }
}

impl Number for i64 {
    fn to_f64(self) -> f64 {
        self as f64
    }
}

impl Number for f64 {
    fn to_f64(self) -> f64 {
        self
    }
}
