//! Shapes of the extension pgSphere, in the form of DALI 1.1.

/// The types of pgSphere that DALI has as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `spoint`: longitude and latitude.
    Point,
    /// `scircle`: the center and the radius.
    Circle,
    /// `spoly`: the corners.
    Polygon,
}

impl Shape {
    /// The shape for the name of a type of pgSphere.
    pub(super) fn of_type(name: &str) -> Option<Self> {
        match name {
            "spoint" => Some(Self::Point),
            "scircle" => Some(Self::Circle),
            "spoly" => Some(Self::Polygon),
            _ => None,
        }
    }

    /// The numbers of a cell, if all cells have the same number.
    pub(super) fn numbers(self) -> Option<u32> {
        match self {
            Self::Point => Some(2),
            Self::Circle => Some(3),
            Self::Polygon => None,
        }
    }

    pub(super) fn xtype(self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::Circle => "circle",
            Self::Polygon => "polygon",
        }
    }

    /// Parses the text of a cell: `(0.1 , 0.2)`, `<(0.1 , 0.2) , 0.3>`, `{(0.1 , 0.2),(0.3 , 0.2),(0.3 , 0.4)}`, in
    /// radians. Passes its numbers on in degrees, and returns how many there are. `None` for any other text, such as
    /// one in degrees or hours, which `set_sphere_output` asks for.
    pub(super) fn parse(self, cell: &[u8], mut number: impl FnMut(f64)) -> Option<usize> {
        let is_between = |byte: &u8| b"<>(){}, ".contains(byte);
        let mut count = 0;
        for word in cell.split(is_between).filter(|word| !word.is_empty()) {
            let radians: f64 = fast_float2::parse(word).ok()?;
            number(radians.to_degrees());
            count += 1;
        }
        let is_whole = match self.numbers() {
            Some(numbers) => count == numbers as usize,
            None => count >= 6 && count % 2 == 0,
        };
        is_whole.then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    #[test]
    fn shapes_are_in_degrees() {
        let quarter = PI / 2.0;
        let numbers = |shape: Shape, text: String| {
            let mut numbers = Vec::new();
            let count = shape.parse(text.as_bytes(), |number| numbers.push(number));
            count.map(|count| numbers[..count].to_vec())
        };
        let point = numbers(Shape::Point, format!("({PI} , -{quarter})"));
        assert_eq!(point, Some(vec![180.0, -90.0]));
        let circle = numbers(Shape::Circle, format!("<(0 , 0) , {quarter}>"));
        assert_eq!(circle, Some(vec![0.0, 0.0, 90.0]));
        let polygon = numbers(Shape::Polygon, format!("{{(0 , 0),({quarter} , 0),(0 , 1e-300)}}"));
        assert_eq!(polygon, Some(vec![0.0, 0.0, 90.0, 0.0, 0.0, 1e-300_f64.to_degrees()]));
        for (shape, text) in [
            (Shape::Point, "(10d , 20d)"),
            (Shape::Point, "(1 , 2) , 3"),
            (Shape::Circle, "(1 , 2)"),
            (Shape::Polygon, "{(1 , 2),(3 , 4)}"),
            (Shape::Point, "(10h 20m 30s , +5d)"),
        ] {
            assert_eq!(numbers(shape, text.to_owned()), None, "{text}");
        }
    }
}
