CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY, customer text NOT NULL, product text NOT NULL, PRIMARY KEY (customer, id));
CREATE ROLE orders_app LOGIN;
GRANT rds_iam TO orders_app;
GRANT SELECT, INSERT ON orders TO orders_app;
