import static org.apache.parquet.filter2.predicate.FilterApi.binaryColumn;
import static org.apache.parquet.filter2.predicate.FilterApi.booleanColumn;
import static org.apache.parquet.filter2.predicate.FilterApi.doubleColumn;
import static org.apache.parquet.filter2.predicate.FilterApi.eq;
import static org.apache.parquet.filter2.predicate.FilterApi.floatColumn;
import static org.apache.parquet.filter2.predicate.FilterApi.gtEq;
import static org.apache.parquet.filter2.predicate.FilterApi.intColumn;
import static org.apache.parquet.filter2.predicate.FilterApi.longColumn;
import static org.apache.parquet.filter2.predicate.FilterApi.lt;
import static org.apache.parquet.filter2.predicate.FilterApi.notEq;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.filter2.compat.FilterCompat;
import org.apache.parquet.filter2.predicate.FilterPredicate;
import org.apache.parquet.filter2.predicate.Operators.Column;
import org.apache.parquet.filter2.predicate.Operators.SupportsEqNotEq;
import org.apache.parquet.filter2.predicate.Operators.SupportsLtGt;
import org.apache.parquet.hadoop.metadata.ParquetMetadata;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;
import org.json.JSONObject;

/**
 * Filters on every column that is not nested: with statistics, page indexes, dictionaries and bloom filters, they
 * have to find the rows that they find without.
 */
final class ParquetFilters {
    private static final int VALUES = 3;
    private static final String ROW = "row";

    private final String path;
    private final ParquetMetadata footer;
    private final MessageType schema;
    private int filters;
    private long skipped;

    ParquetFilters(String path) throws IOException {
        this.path = path;
        this.footer = ParquetCells.footer(path);
        this.schema = footer.getFileMetaData().getSchema();
    }

    /** Answers with the number of filters, the rows that indexes left out, and the columns that differ, and how. */
    JSONObject check() throws IOException {
        JSONObject differences = new JSONObject();
        JSONObject unfiltered = new JSONObject();
        for (Type field : schema.getFields()) {
            if (!field.isPrimitive() || field.getName().equals(ROW)) {
                continue;
            }
            try {
                for (FilterPredicate predicate : predicates(field)) {
                    String fault = fault(field, predicate);
                    if (fault != null) {
                        differences.put(field.getName(), fault);
                        break;
                    }
                }
            } catch (RuntimeException error) {
                unfiltered.put(field.getName(), String.valueOf(error.getMessage()));
            }
        }
        return new JSONObject()
            .put("filters", filters)
            .put("skipped", skipped)
            .put("differences", differences)
            .put("unfiltered", unfiltered);
    }

    private String fault(Type field, FilterPredicate predicate) throws IOException {
        List<Integer> scanned = rows(field, predicate, false);
        List<Integer> found = rows(field, predicate, true);
        filters++;
        return scanned.equals(found)
            ? null
            : predicate + ": " + found.size() + " rows, a scan finds " + scanned.size();
    }

    /** The numbers of the rows that pass. */
    private List<Integer> rows(Type field, FilterPredicate predicate, boolean indexes) throws IOException {
        FilterCompat.Filter filter = FilterCompat.get(predicate);
        MessageType columns =
            new MessageType(schema.getName(), schema.getType(ROW), schema.getType(field.getName()));
        List<Integer> rows = new ArrayList<>();
        long loaded = ParquetCells.read(
            path,
            footer,
            ParquetCells.options(indexes).withRecordFilter(filter).useRecordFilter().build(),
            filter,
            columns,
            row -> rows.add(row.getInteger(0, 0)));
        skipped += indexes ? -loaded : loaded;
        return rows;
    }

    private List<FilterPredicate> predicates(Type field) throws IOException {
        List<Object> values = values(field);
        String name = field.getName();
        List<FilterPredicate> predicates = new ArrayList<>();
        switch (field.asPrimitiveType().getPrimitiveTypeName()) {
            case BOOLEAN:
                for (Object value : values) {
                    predicates.add(eq(booleanColumn(name), (Boolean) value));
                    predicates.add(notEq(booleanColumn(name), (Boolean) value));
                }
                predicates.add(eq(booleanColumn(name), null));
                break;
            case INT32:
                values.forEach(value -> add(predicates, intColumn(name), (Integer) value));
                break;
            case INT64:
                values.forEach(value -> add(predicates, longColumn(name), (Long) value));
                break;
            case FLOAT:
                values.addAll(List.of(0f, -0f));
                values.forEach(value -> add(predicates, floatColumn(name), (Float) value));
                break;
            case DOUBLE:
                values.addAll(List.of(0d, -0d));
                values.forEach(value -> add(predicates, doubleColumn(name), (Double) value));
                break;
            default:
                values.forEach(value -> add(predicates, binaryColumn(name), (Binary) value));
        }
        return predicates;
    }

    private static <T extends Comparable<T>, C extends Column<T> & SupportsEqNotEq & SupportsLtGt> void add(
        List<FilterPredicate> predicates, C column, T value) {
        predicates.add(lt(column, value));
        predicates.add(gtEq(column, value));
        predicates.add(eq(column, value));
        predicates.add(notEq(column, value));
        predicates.add(eq(column, null));
    }

    /** Some values of a column, the same ones in every run. */
    private List<Object> values(Type field) throws IOException {
        List<Object> all = new ArrayList<>();
        MessageType columns = new MessageType(schema.getName(), field);
        ParquetCells.read(
            path, footer, ParquetCells.options(false).build(), FilterCompat.NOOP, columns, row -> {
                if (row.getFieldRepetitionCount(0) > 0) {
                    all.add(value(row, field));
                }
            });
        Random random = new Random(7);
        List<Object> some = new ArrayList<>();
        for (int count = 0; count < VALUES && !all.isEmpty(); count++) {
            some.add(all.get(random.nextInt(all.size())));
        }
        return some;
    }

    private static Object value(Group row, Type field) {
        switch (field.asPrimitiveType().getPrimitiveTypeName()) {
            case BOOLEAN:
                return row.getBoolean(0, 0);
            case INT32:
                return row.getInteger(0, 0);
            case INT64:
                return row.getLong(0, 0);
            case FLOAT:
                return row.getFloat(0, 0);
            case DOUBLE:
                return row.getDouble(0, 0);
            default:
                return row.getBinary(0, 0).copy();
        }
    }
}
