-- Purchases to views, with 95 % Wilson intervals: each category, and the five best and the five worst products of those
-- that were viewed at least ten times.
-- plot: conversion_rate by name
WITH counted AS (
  SELECT coalesce(product_category, '') AS category, product_id,
         count(*) FILTER (event_type = 'view') AS views,
         count(*) FILTER (event_type = 'purchase') AS purchases
  FROM events WHERE product_id IS NOT NULL GROUP BY ALL
), products AS (
  SELECT product_id AS name, sum(views)::BIGINT AS views, sum(purchases)::BIGINT AS purchases
  FROM counted GROUP BY product_id HAVING sum(views) >= 10
), ranked AS (
  SELECT *, row_number() OVER (ORDER BY purchases / views DESC, views DESC, name) AS from_top,
            row_number() OVER (ORDER BY purchases / views, views DESC, name) AS from_bottom
  FROM products
), chosen AS (
  SELECT 'category' AS scope, row_number() OVER (ORDER BY category) AS rank, category AS name,
         sum(views)::BIGINT AS views, sum(purchases)::BIGINT AS purchases
  FROM counted GROUP BY category
  UNION ALL
  SELECT 'top', from_top, name, views, purchases FROM ranked WHERE from_top <= 5
  UNION ALL
  SELECT 'bottom', from_bottom, name, views, purchases FROM ranked WHERE from_bottom <= 5
)
SELECT scope, rank, name, views, purchases,
       CASE WHEN views > 0 THEN purchases / views END AS conversion_rate,
       wilson_low(purchases, views) AS conversion_low,
       wilson_high(purchases, views) AS conversion_high
FROM chosen
ORDER BY scope, rank
