-- Products by how often they were viewed: how many people saw them, at which price, and what they brought.
-- plot: revenue by product_id
SELECT row_number() OVER (ORDER BY count(*) FILTER (event_type = 'view') DESC, product_id) AS rank,
       product_id,
       arg_max(product_category, event_timestamp) AS product_category,
       count(*) FILTER (event_type = 'view') AS views,
       count(DISTINCT user_id) FILTER (event_type = 'view') AS unique_viewers,
       (avg(price) FILTER (event_type = 'view' AND amount IS NOT NULL))::DECIMAL(18, 4) AS average_price,  -- in the shop's currency
       count(*) FILTER (event_type = 'purchase') AS purchases,
       coalesce(sum(amount) FILTER (event_type = 'purchase'), 0)::DECIMAL(38, 4) AS revenue
FROM events
WHERE product_id IS NOT NULL
GROUP BY product_id
ORDER BY rank
