-- What each user did on the day: bought, filled a cart and left it, or neither; and whether they are new.
-- plot: users by segment
SELECT user_id,
       CASE WHEN count(*) FILTER (event_type = 'purchase') > 0 THEN 'buyer'
            WHEN count(*) FILTER (event_type = 'add_to_cart') > 0 THEN 'cart_abandoner'
            ELSE 'window_shopper' END AS segment,
       min(event_timestamp) = any_value(first_seen) AS is_new,
       count(*) FILTER (event_type = 'view') AS views,
       count(*) FILTER (event_type = 'add_to_cart') AS carts,
       count(*) FILTER (event_type = 'purchase') AS purchases,
       coalesce(sum(amount) FILTER (event_type = 'purchase'), 0)::DECIMAL(38, 4) AS revenue
FROM events
JOIN (SELECT user_id, min(event_timestamp) AS first_seen FROM silver WHERE event_timestamp < model_end() GROUP BY user_id)
  USING (user_id)
GROUP BY user_id
ORDER BY revenue DESC, user_id
