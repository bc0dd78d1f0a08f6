-- The catalogue of Iceberg tables, as org.apache.iceberg.jdbc.JdbcCatalog has it. Two tasks that make it
-- at once would fail.

CREATE TABLE public.iceberg_tables (
    catalog_name varchar(255) NOT NULL,
    table_namespace varchar(255) NOT NULL,
    table_name varchar(255) NOT NULL,
    metadata_location varchar(1000),
    previous_metadata_location varchar(1000),
    iceberg_type varchar(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name)
);

COMMENT ON TABLE public.iceberg_tables IS 'Iceberg tables, where the connector iceberg runs';

CREATE TABLE public.iceberg_namespace_properties (
    catalog_name varchar(255) NOT NULL,
    namespace varchar(255) NOT NULL,
    property_key varchar(255),
    property_value varchar(1000),
    PRIMARY KEY (catalog_name, namespace, property_key)
);

COMMENT ON TABLE public.iceberg_namespace_properties IS 'Namespaces of Iceberg tables';
