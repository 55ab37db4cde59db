{{ config(unique_key='book_id') }}

-- How often each book was borrowed.
select
    book.book_id,
    book.title,
    count(loan.loan_id) as loans,
    max(loan.lent_on) as last_lent_on
from {{ resource('book') }} as book
left join {{ resource('loan') }} as loan using (book_id)
group by book.book_id, book.title
