//! Every order of frames.

/// Every order of so many frames: the kind (0 a head, 1 DATA, 2 trailers) and whether it has END_STREAM.
pub fn orders(length: u32) -> impl Iterator<Item = Vec<(usize, bool)>> {
    (0..6_usize.pow(length)).map(move |order| {
        let frames = (0..length).scan(order, |rest, _| {
            let frame = *rest % 6;
            *rest /= 6;
            Some((frame % 3, frame >= 3))
        });
        frames.collect()
    })
}
