CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY, customer text NOT NULL, product text NOT NULL, PRIMARY KEY (customer, id));
