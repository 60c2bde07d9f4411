//! Shapes of pgSphere become shapes of DALI (point, circle, polygon).

use super::*;

#[tokio::test]
async fn shapes_are_those_of_dali() {
    let query = "SELECT spoint '(10d, -20d)' AS p, scircle '<(10d, 20d), 5d>' AS c,
                        spoly '{(0d, 0d), (10d, 0d), (10d, 10d)}' AS s, sbox '((0d, 0d), (1d, 1d))' AS b
                 UNION ALL SELECT NULL, NULL, NULL, NULL";
    let url = SERVER.url();
    let mut source = open(&Request::new(&url).with_query(query)).await.unwrap();
    let shown: Vec<_> = source
        .schema()
        .columns()
        .iter()
        .map(|column| {
            let vo_type = column.vo_type().unwrap();
            let (xtype, unit) = (vo_type.xtype.clone(), column.metadata().unit.clone());
            (vo_type.to_string(), xtype.unwrap_or_default(), unit.unwrap_or_default())
        })
        .collect();
    let shape =
        |vo_type: &str, xtype: &str| (vo_type.to_owned(), xtype.to_owned(), "deg".to_owned());
    assert_eq!(shown[0], shape("double of arraysize 2", "point"));
    assert_eq!(shown[1], shape("double of arraysize 3", "circle"));
    assert_eq!(shown[2], shape("double of arraysize *", "polygon"));
    assert_eq!(shown[3].0, "unicodeChar of arraysize *");

    let batch = source.next().await.unwrap().rows().unwrap();
    for (index, expected) in
        [&[10.0, -20.0][..], &[10.0, 20.0, 5.0], &[0.0, 0.0, 10.0, 0.0, 10.0, 10.0]]
            .into_iter()
            .enumerate()
    {
        let column = batch.column(index).as_list::<i32>();
        let numbers = column.value(0);
        let numbers = numbers.as_primitive::<Float64Type>().values();
        assert_eq!(numbers.len(), expected.len());
        // pgSphere writes 15 digits of radians.
        assert!(numbers.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{numbers:?}");
        assert!(column.is_null(1));
    }
}

#[tokio::test]
async fn shapes_can_be_text() {
    let columns = json!([{"datatype": "char", "arraysize": "*"}]);
    let read = declared("SELECT spoint '(1, 0.5)'", columns).await.unwrap();
    assert_eq!(texts(&read, 0), [Some("(1 , 0.5)".to_owned())]);
}

#[tokio::test]
async fn shapes_in_another_output_format_are_an_error() {
    let query =
        "SELECT CASE WHEN set_sphere_output('DEG') IS NOT NULL THEN spoint '(1, 0.5)' END AS p";
    let error = rows_of(&SERVER.url(), query, None).await.unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::InvalidValue, Some("p")), "{error:#}");
    assert!(error.message().contains("point (double of arraysize 2)"), "{error:#}");
}

#[tokio::test]
async fn shapes_have_no_other_unit_than_degrees() {
    let query = "SELECT spoint '(1, 0.5)' AS p";
    for (unit, is_right) in [("deg", true), ("rad", false)] {
        let columns = json!([{"name": "p", "unit": unit}]);
        match declared(query, columns).await {
            Ok(_) => assert!(is_right, "{unit}"),
            Err(error) => {
                assert!(!is_right && format!("{error:#}").contains("degrees"), "{error:#}");
                assert_eq!((error.kind(), error.column()), (ErrorKind::InvalidRequest, Some("p")));
            }
        }
    }
}
